import { readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes, FanoutError, redactCredentials, serializeError } from '#lib/errors'

t.test('the message of every error begins with its code, since that is all that a structured clone keeps', async t => {
  for (const code of errorCodes) {
    const error = new FanoutError(code, 'what happened', { sink: 'loki', cause: new Error('why') })
    t.equal(error.message, `${code}: what happened`)
    t.match(error, { code, sink: 'loki', name: 'FanoutError', cause: { message: 'why' } })
    t.match(structuredClone(error).message, code)
  }
  t.notOk('cause' in new FanoutError('ERR_FANOUT_CLOSED', 'x'))
})

t.test('docs/operations.md says of every code what it means, and of no other', async t => {
  const section = /^## Error codes$([\s\S]*?)^## /m.exec(readFileSync('docs/operations.md', 'utf8'))?.[1] ?? ''
  const told = section.split('\n').flatMap(row => /^\| (`ERR_.*?) \|/.exec(row)?.[1]?.match(/ERR_FANOUT_\w+/g) ?? [])
  t.same(told.sort(), [...errorCodes].sort())
})

t.test('an error keeps its type, message, stack, code, status and causes', async t => {
  const cause = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED' })
  const error = Object.assign(new RangeError('outer', { cause }), { code: 7, statusCode: 503 })
  const data = serializeError(error)
  t.match(data, { type: 'RangeError', message: 'outer', code: '7', statusCode: 503, cause: { type: 'TypeError', message: 'inner', code: 'ECONNREFUSED' } })
  t.equal(data.stack, error.stack)
  t.same(structuredClone(data), data)
  t.match(serializeError(Object.assign(new Error('x'), { status: 429 })), { statusCode: 429 })
})

t.test('an error that has been serialized stays as it is', async t => {
  const data = serializeError(Object.assign(new TypeError('outer', { cause: new Error('inner') }), { code: 'E', statusCode: 500 }))
  t.same(serializeError(data), data)
  t.same(serializeError(structuredClone(data)), data)
})

t.test('whatever is thrown is described, and nothing that it does is thrown on', async t => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  const trap = new Proxy({}, { get () { throw new Error('trapped') }, has () { throw new Error('trapped') }, ownKeys () { throw new Error('trapped') } })
  t.same(serializeError('just text'), { type: 'string', message: 'just text' })
  t.same(serializeError(undefined), { type: 'undefined', message: 'undefined' })
  t.same(serializeError(null), { type: 'object', message: 'null' })
  t.same(serializeError({ odd: 1 }), { type: 'object', message: '{"odd":1}' })
  t.same(serializeError({ toJSON: () => undefined }), { type: 'object', message: '[object Object]' })
  t.same(serializeError(cyclic), { type: 'object', message: 'an unprintable object' })
  t.equal(serializeError(trap).type, 'object')
  t.match(serializeError({ message: 'like an error' }), { type: 'Object', message: 'like an error' })
  t.match(serializeError(Object.assign(Object.create(null), { message: 'bare' })), { type: 'Error', message: 'bare' })
  const getter = Object.defineProperty(new Error('x'), 'code', { get () { throw new Error('trapped') } })
  t.notOk('code' in serializeError(getter))
  const error = new Error('no stack')
  Object.defineProperty(error, 'stack', { value: undefined })
  t.notOk('stack' in serializeError(error))
})

t.test('a long message and a long chain of causes are cut', async t => {
  t.match(serializeError(new Error('x'.repeat(100000))).message, /^x{8192}… \(100000 characters\)$/)
  const circle = new Error('again')
  circle.cause = circle
  let depth = 0
  for (let data = serializeError(circle); data.cause !== undefined; data = data.cause) depth++
  t.equal(depth, 5)
})

t.test('user and password of a URL stand in no message, stack or cause', async t => {
  const url = 'https://me:sec%20ret@host:3100/push?x=a@b'
  const data = JSON.stringify(serializeError(new Error(`cannot reach ${url}`, { cause: new Error(url) })))
  t.notMatch(data, /sec|me:/)
  t.match(data, 'https://host:3100/push?x=a@b')
  t.equal(redactCredentials("amqp://me:it's@host, http://host"), 'amqp://host, http://host')
  t.equal(redactCredentials('redis://:pw@h/0 and mongodb+srv://u:p@ss@h'), 'redis://h/0 and mongodb+srv://h')
  t.equal(redactCredentials('mail me@host.com, see http://h/@x'), 'mail me@host.com, see http://h/@x')
})

t.test('a password does not show where a long message is cut', async t => {
  for (let before = 8192 - 40; before < 8192; before++) {
    t.notMatch(serializeError(new Error(`${'x'.repeat(before)} https://me:secret@host/ ${'y'.repeat(9000)}`)).message, /me:|sec/)
  }
})

t.test('an error is of its class, whatever it calls its type', async t => {
  t.equal(serializeError(Object.assign(new RangeError('x'), { type: 'system' })).type, 'RangeError')
  t.equal(serializeError({ message: 'x', type: 'RangeError' }).type, 'RangeError')
})

t.test('of several errors that are one, the first tells why', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:80'), { code: 'ECONNREFUSED' })
  t.match(serializeError(new AggregateError([refused, new Error('second')])), { type: 'AggregateError', message: '', cause: { message: refused.message, code: 'ECONNREFUSED' } })
  t.match(serializeError(new AggregateError([refused], 'all', { cause: new Error('its own') })), { cause: { message: 'its own' } })
  t.notOk('cause' in serializeError(new AggregateError([])))
})

t.test('what lies about itself is described as far as it lets itself be', async t => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  t.same(serializeError(proxy), { type: 'object', message: 'an unprintable object' })
  t.same(serializeError(Symbol('s')), { type: 'symbol', message: 'Symbol(s)' })
  t.same(serializeError(10n), { type: 'bigint', message: '10' })
  t.match(serializeError(() => {}), { type: 'function' })
})
