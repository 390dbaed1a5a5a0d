import t from 'tap'
import { Turns } from '#lib/spool/turns'

t.test('jobs run one after another, in the order in which they came, even if earlier ones fail', async t => {
  const turns = new Turns()
  const log: string[] = []
  const job = (name: string, fails = false) => async (): Promise<string> => {
    log.push(`${name} begins`)
    await new Promise(resolve => setImmediate(resolve))
    log.push(`${name} ends`)
    if (fails) throw new Error(name)
    return name
  }
  const [first, second, third] = [turns.take(job('first')), turns.take(job('second', true)), turns.take(job('third'))]
  t.equal(await first, 'first')
  await t.rejects(second, { message: 'second' })
  t.equal(await third, 'third')
  t.same(log, ['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends'])
})
