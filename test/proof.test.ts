import t from 'tap'
import { Proof } from '#lib/proof'

t.test('nothing is proven at first', async t => {
  t.equal(new Proof().covers(1, 5, 0), false)
})

t.test('an acceptance proves something for its generation', async t => {
  const proof = new Proof()
  proof.accept(3)
  t.same([2, 3, 4].map(generation => proof.covers(1, 5, generation)), [false, true, false])
})

t.test('a proof covers as many lines as its limit, until the next acceptance', async t => {
  const proof = new Proof()
  proof.accept(1)
  t.same([3, 4].map(lines => proof.covers(lines, 3, 1)), [true, false])
  proof.spend(2, 1)
  t.same([1, 2].map(lines => proof.covers(lines, 3, 1)), [true, false])
  proof.accept(1)
  t.equal(proof.covers(3, 3, 1), true)
})

t.test('a refusal that closed the breaker takes the proof along', async t => {
  const proof = new Proof()
  proof.accept(1)
  proof.spend(1, 2)
  t.equal(proof.covers(1, 3, 2), true)
})

t.test('a proof can be forgotten', async t => {
  const proof = new Proof()
  proof.accept(0)
  proof.forget()
  t.equal(proof.covers(1, 3, 0), false)
})
