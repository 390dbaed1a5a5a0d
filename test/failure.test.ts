import t from 'tap'
import { canBeOfLines, isRefusalStatus, reasonOf, toFailure, type FailureReason } from '#lib/failure'

t.test('the status of an answer is the reason, wherever the client puts it', async t => {
  t.equal(reasonOf(Object.assign(new Error('no'), { statusCode: 503 })), 'http-503')
  t.equal(reasonOf(Object.assign(new Error('no'), { status: 404 })), 'http-404')
  t.equal(reasonOf(Object.assign(new Error('no'), { statusCode: 503, code: 'ECONNRESET' })), 'http-503')
})

t.test('a status that refuses nothing is no reason', async t => {
  for (const statusCode of [200, 299, 600, 50.5, NaN]) t.equal(reasonOf(Object.assign(new Error('no'), { statusCode })), 'write-error', String(statusCode))
})

t.test('the codes of a connection that failed mean network', async t => {
  for (const code of ['ECONNREFUSED', 'EAI_AGAIN', 'UND_ERR_SOCKET', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER', 'CERT_HAS_EXPIRED', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'HPE_INVALID_CONSTANT']) {
    t.equal(reasonOf(Object.assign(new Error('no'), { code })), 'network', code)
  }
})

t.test('any other error is a write error', async t => {
  t.equal(reasonOf(new Error('no')), 'write-error')
  t.equal(reasonOf(Object.assign(new Error('no'), { code: 'ENOSPC' })), 'write-error')
  t.equal(reasonOf('no'), 'write-error')
  t.equal(reasonOf(undefined), 'write-error')
})

t.test('what fetch only hints at is found in the causes of its error', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  t.equal(reasonOf(new TypeError('fetch failed', { cause: refused })), 'network')
  t.equal(reasonOf(new Error('giving up', { cause: new TypeError('fetch failed', { cause: refused }) })), 'network')
})

t.test('the code of a system error is found in the words of an error that was put around it', async t => {
  t.equal(toFailure('stream-error', new Error('unable to write data to the TCP socket: write EPIPE')).err.code, 'EPIPE')
  t.equal(toFailure('stream-error', new Error('Error: connect ECONNREFUSED 127.0.0.1:80')).err.code, 'ECONNREFUSED')
  t.equal(toFailure('stream-error', Object.assign(new Error('read ECONNRESET'), { code: 'OWN' })).err.code, 'OWN')
  t.equal(toFailure('stream-error', new Error('EVERYTHING IS LOST')).err.code, undefined)
})

t.test('a failure keeps its error as plain data', async t => {
  t.match(toFailure('start-failed', new TypeError('no')), { reason: 'start-failed', err: { type: 'TypeError', message: 'no' } })
})

t.test('a status is a refusal only if it is about what was sent', async t => {
  const retryable = [401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 414, 415, 417, 421, 423, 424, 425, 426, 428, 429, 431, 451]
  for (let status = 300; status <= 599; status++) {
    t.equal(isRefusalStatus(status), status >= 400 && status < 500 && !retryable.includes(status), String(status))
  }
  t.same([undefined, 100, 200, 299, 600].filter(isRefusalStatus), [])
  for (const status of [400, 409, 413, 416, 418, 422, 444, 499]) t.ok(isRefusalStatus(status), String(status))
})

t.test('lines can be to blame for what happens while they are sent, and not for a backend that is not there', async t => {
  const blamable = ({ reason, code }: { reason: FailureReason, code?: string }): boolean => canBeOfLines({ reason, err: { type: 'Error', message: '', ...(code !== undefined && { code }) } })
  for (const reason of ['write-error', 'stream-error', 'write-timeout', 'closed-early', 'destroyed', 'thread-exit', 'out-of-memory', 'http-500', 'http-400'] as const) t.ok(blamable({ reason }), reason)
  for (const reason of ['start-failed', 'start-timeout', 'health-check', 'http-401', 'http-404', 'http-429', 'http-502', 'http-503', 'http-504', 'network'] as const) t.notOk(blamable({ reason }), reason)
  t.ok(blamable({ reason: 'network', code: 'ECONNRESET' }))
  t.notOk(blamable({ reason: 'network', code: 'ECONNREFUSED' }))
})
