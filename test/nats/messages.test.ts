import t from 'tap'
import { batchMessages, lineMessages, type Message } from '#lib/nats/messages'
import { SubjectMaker } from '#lib/nats/subject'
import { batchOf } from '../support/http-sinks.js'

const subjects = new SubjectMaker({ texts: ['logs.', ''], fields: ['n'] }, 'level')
const plain = (messages: Iterable<Message>): unknown[] => [...messages].map(({ payload, ...message }) => ({ ...message, payload: Buffer.from(payload).toString() }))

t.test('a line is a message, without its newline and its carriage return', async t => {
  const batch = batchOf(['{"n":1}', '{"n":"ü"}\r', ''], 'life:5')
  t.same(plain(lineMessages(batch, subjects)), [
    { subject: 'logs.1', id: 'life:5', payload: '{"n":1}', first: 0, count: 1 },
    { subject: 'logs.ü', id: 'life:6', payload: '{"n":"ü"}', first: 1, count: 1 },
    { subject: 'logs._', id: 'life:7', payload: '', first: 2, count: 1 }
  ])
})

t.test('a batch is cut into messages of whole lines; a longer line is one by itself', async t => {
  const constant = new SubjectMaker({ texts: ['logs'], fields: [] }, 'level')
  const batch = batchOf(['aaa', 'bbb', 'cccccccccccc', 'd'], 'life:5')
  t.same(plain(batchMessages(batch, constant, 8)), [
    { subject: 'logs', id: 'life:5+2-life:6', payload: 'aaa\nbbb\n', first: 0, count: 2 },
    { subject: 'logs', id: 'life:7+1-life:7', payload: 'cccccccccccc\n', first: 2, count: 1 },
    { subject: 'logs', id: 'life:8+1-life:8', payload: 'd\n', first: 3, count: 1 }
  ])
})
