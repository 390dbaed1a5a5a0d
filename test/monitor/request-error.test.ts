import t from 'tap'
import { FanoutError } from '#lib/errors'
import { RequestError, toRequestError } from '#lib/monitor/request-error'

t.test('errors of the transport have a status each, and their code apart from the message', async t => {
  const facts = (error: unknown): unknown[] => { const { status, code, message } = toRequestError(error); return [status, code, message] }
  t.same(facts(new FanoutError('ERR_FANOUT_UNKNOWN_SINK', 'a')), [404, 'ERR_FANOUT_UNKNOWN_SINK', 'a'])
  t.same(facts(new FanoutError('ERR_FANOUT_UNKNOWN_LEVEL', 'b')), [400, 'ERR_FANOUT_UNKNOWN_LEVEL', 'b'])
  t.same(facts(new FanoutError('ERR_FANOUT_CLOSED', 'c')), [409, 'ERR_FANOUT_CLOSED', 'c'])
  t.same(facts(new FanoutError('ERR_FANOUT_BREAKER_OFF', 'd')), [409, 'ERR_FANOUT_BREAKER_OFF', 'd'])
  t.same(facts(new FanoutError('ERR_FANOUT_SINK_HUNG', 'd')), [500, 'ERR_FANOUT_SINK_HUNG', 'd'])
  t.same(facts(new TypeError('e')), [500, 'internal-error', 'e'])
  t.same(facts('f'), [500, 'internal-error', 'f'])
})

t.test('a refusal is what it is', async t => {
  const refusal = new RequestError(405, 'method-not-allowed', 'm', { allow: 'POST' })
  t.equal(toRequestError(refusal), refusal)
})
