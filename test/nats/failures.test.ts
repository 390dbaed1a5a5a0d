import t from 'tap'
import { reasonOf } from '#lib/failure'
import { connectErrorOf, connectionLost, noInbox, notAllowed, notConnected, readAck, streamErrorOf, timedOut, tooLarge, type MessageFailure } from '#lib/nats/failures'

const ack = (answer: unknown, status?: number): MessageFailure | undefined => readAck('logs.app', status, Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)))
const reason = (failure: MessageFailure | undefined): string | undefined => failure?.kind === 'failed' ? reasonOf(failure.error) : failure?.kind
const apiError = (code: number, errCode: number, description: string): unknown => ({ error: { code, err_code: errCode, description }, stream: 'LOGS', seq: 0 })

t.test('what a server answers gives the reason of the failure', async t => {
  t.equal(ack({ stream: 'LOGS', seq: 1 }), undefined)
  t.equal(ack({ stream: 'LOGS', seq: 1, duplicate: true }), undefined)
  t.equal(reason(ack('', 503)), 'http-503')
  t.equal(reason(ack(apiError(503, 10077, 'maximum bytes exceeded'))), 'http-503')
  t.equal(reason(ack(apiError(503, 10008, 'JetStream system temporarily unavailable'))), 'http-503')
  t.equal(reason(ack(apiError(500, 10049, 'error'))), 'http-500')
  t.match(ack(apiError(400, 10054, 'message size exceeds maximum allowed')), { kind: 'refused', reason: 'message size exceeds maximum allowed (10054)', status: 400 })
  for (const answer of ['OK', '{}', 'null', '{"error":null}', '{"error":{}}', '{"error":"no"}']) t.equal(reason(ack(answer)), 'write-error', answer)
})

t.test('what the client sees gives the reason of the failure', async t => {
  t.equal(reason(timedOut('s', 5)), 'network')
  t.equal(reason(connectionLost()), 'network')
  t.equal(reason(notConnected()), 'network')
  t.equal(reason(noInbox('_INBOX.x')), 'http-403')
  t.equal(reason(notAllowed('s', false)), 'http-403')
  t.match(notAllowed('s', true), { kind: 'refused', status: 403 })
  t.match(tooLarge(9, 5), { kind: 'refused', isCertain: true })
})

t.test('errors of a connection and of a stream, without what must not be shown', async t => {
  const redact = (text: string): string => text.replaceAll('secret', '[hidden]')
  const error = (name: string, message: string, more = {}): Error => Object.assign(new Error(message), { name }, more)
  t.match(connectErrorOf(error('AuthorizationError', 'wrong secret'), redact), { statusCode: 401, message: /wrong \[hidden\]/ })
  t.equal(reasonOf(connectErrorOf(error('ConnectionError', 'connection refused', { cause: { code: 'ECONNREFUSED' } }), redact)), 'network')
  t.equal(reasonOf(connectErrorOf(error('TimeoutError', 'timeout'), redact)), 'network')
  t.equal(reasonOf(connectErrorOf('secret', redact)), 'write-error')
  t.equal(reasonOf(streamErrorOf('LOGS', error('JetStreamApiError', 'insufficient resources', { code: 10023, status: 503 }), redact)), 'http-503')
  t.equal(reasonOf(streamErrorOf('LOGS', error('TimeoutError', 'timeout'), redact)), 'network')
  t.equal(reasonOf(streamErrorOf('LOGS', error('RequestError', 'no responders', { cause: { name: 'NoResponders' } }), redact)), 'http-503')
  t.match(streamErrorOf('LOGS', error('JetStreamApiError', 'bad request', { code: 10003, status: 400 }), redact), { statusCode: 400, retryable: true })
})
