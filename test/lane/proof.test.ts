import t from 'tap'
import { Proof } from '#lib/lane/proof'

t.test('nothing is proven at first', async t => {
  t.equal(new Proof(5).holdsIn(0), false)
})

t.test('an acceptance proves something for its generation', async t => {
  const proof = new Proof(5)
  proof.accept(3)
  t.same([2, 3, 4].map(generation => proof.holdsIn(generation)), [false, true, false])
})

t.test('a proof is used up by so many lines that were found guilty, until the next acceptance', async t => {
  const proof = new Proof(3)
  proof.accept(1)
  proof.spend(2, 1)
  t.equal(proof.holdsIn(1), true)
  proof.spend(1, 1)
  t.equal(proof.holdsIn(1), false)
  proof.accept(1)
  t.equal(proof.holdsIn(1), true)
})

t.test('a refusal that closed the breaker takes the proof along', async t => {
  const proof = new Proof(3)
  proof.accept(1)
  proof.spend(1, 2)
  t.equal(proof.holdsIn(2), true)
})

t.test('a proof can be forgotten', async t => {
  const proof = new Proof(3)
  proof.accept(0)
  proof.forget()
  t.equal(proof.holdsIn(0), false)
})
