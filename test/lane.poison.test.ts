import t from 'tap'
import { HandClock, settled } from './support/hand-clock.js'
import type { LaneRigOptions } from './support/lane-rig.js'
import { HASTY_BREAKER, PoisonRig } from './support/poison-rig.js'

const clock = new HandClock()
t.beforeEach(() => { clock.take() })
t.afterEach(() => { clock.release() })

function deliveryRig (options: LaneRigOptions = {}): PoisonRig {
  return PoisonRig.delivery({ clock, ...options })
}

function provenRig (options: LaneRigOptions = {}): PoisonRig {
  return PoisonRig.proven({ clock, ...options })
}

t.test('lines that a sink is certain of need no witness, and say nothing of the backend', async t => {
  for (const isTripped of [false, true]) {
    const rig = deliveryRig({ breaker: { failureThreshold: 1, recoveryTimeoutMs: 1000 } })
    if (isTripped) {
      rig.lane.steer(breaker => breaker.forceOpen())
      rig.offer('a')
      rig.advance(1000)
    } else {
      rig.offer('a')
    }
    rig.child.reject({ outcome: { refused: [{ line: 0, reason: 'too large', isCertain: true }], retry: [] } })
    await rig.bury()
    t.match(rig.snapshot(), { linesDeadLettered: 1, state: isTripped ? 'half-open' : 'closed', consecutiveFailures: 0, failures: {} })
  }
})

t.test('a refused batch', async t => {
  t.test('is sent again by halves until the guilty line is alone, and only that line is dead-lettered', async t => {
    const rig = provenRig()
    rig.refuse('a', 'b', 'BAD', 'd')
    t.equal(rig.batches.at(-1), 'a b')
    rig.child.settle()
    t.equal(rig.batches.at(-1), 'BAD d')
    rig.child.refuse()
    t.equal(rig.batches.at(-1), 'BAD')
    rig.child.refuse(422)
    t.equal(rig.batches.at(-1), 'd')
    rig.child.settle()
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 4, linesDeadLettered: 1, consecutiveFailures: 0, state: 'closed' })
    t.same(rig.snapshot().linesDropped, {})
    t.same(rig.snapshot().failures, {})
    t.same(rig.deadLetters, [{ time: clock.wallTime(), sink: 'loki', reason: 'answered 422', status: 422, attempts: 3, line: 'BAD' }])
  })

  t.test('keeps the numbers of its lines: a half has the id of its first', async t => {
    const rig = provenRig()
    rig.refuse('a', 'b', 'c')
    rig.child.settle()
    t.same(rig.child.sent.map(({ id, lines }) => [id, lines.attempts]), [['life:0', 0], ['life:1', 0], ['life:1', 1], ['life:3', 1]])
  })

  t.test('does not hold up what comes behind it for longer than its halves take', async t => {
    const rig = provenRig()
    rig.offer('BAD')
    rig.offer('next')
    rig.child.refuse()
    t.equal(rig.batches.at(-1), 'next')
  })

  t.test('is dead-lettered as a whole with at-most-once, since no part of it may be sent again', async t => {
    const rig = provenRig({ redelivery: 'at-most-once' })
    rig.refuse('a', 'BAD')
    await rig.bury()
    t.match(rig.snapshot(), { linesDeadLettered: 2, queueLines: 0 })
  })

  t.test('is dropped as poison by a lane that has no dead-letter file', async t => {
    const rig = provenRig({ deadLetter: undefined })
    rig.refuse('BAD')
    t.match(rig.snapshot(), { linesDeadLettered: 0, linesDropped: { poison: 1 } })
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'poison' }, lines: 1 }])
  })
})

t.test('a backend that has taken nothing yet', async t => {
  t.test('is given the newest line by itself; if it refuses that too it has failed, and the batch is sent again by halves after a pause', async t => {
    const rig = deliveryRig()
    rig.refuse('a', 'BAD')
    t.match(rig.snapshot(), { failures: {}, queueLines: 1, unsettledLines: 1 })
    t.equal(rig.batches.at(-1), 'BAD')
    rig.child.refuse()
    t.match(rig.snapshot(), { failures: { 'http-400': 1 }, queueLines: 2 })
    t.equal(rig.child.sent.length, 2)
    rig.advance(200)
    t.equal(rig.batches.at(-1), 'a')
    rig.child.settle()
    t.equal(rig.batches.at(-1), 'BAD')
    rig.child.refuse()
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 1, linesDeadLettered: 1 })
  })

  t.test('is given other lines than those that it refused, so that one bad line keeps no other', async t => {
    const rig = deliveryRig()
    rig.refuse('BAD')
    rig.offer('good')
    rig.advance(200)
    t.equal(rig.batches.at(-1), 'good')
    rig.child.settle()
    t.equal(rig.batches.at(-1), 'BAD')
    rig.child.refuse()
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 1, linesDeadLettered: 1 })
  })

  t.test('and refuses everything trips the breaker, and costs no line', async t => {
    const rig = deliveryRig({ breaker: { failureThreshold: 3, recoveryTimeoutMs: 1000 } })
    for (let i = 0; i < 100; i++) {
      rig.offer(`line ${i}`)
      if (rig.child.isAsked) rig.child.refuse()
      rig.advance(500)
    }
    await rig.bury()
    t.match(rig.snapshot(), { state: 'open', linesDelivered: 0, linesDeadLettered: 0 })
    t.same(rig.snapshot().linesDropped, {})
    t.equal(rig.story[0], 'closed>open http-400')
  })
})

t.test('a backend that begins to refuse everything', async t => {
  t.test('is believed for failureThreshold lines in a row, and then it has failed', async t => {
    const rig = provenRig({ breaker: { failureThreshold: 3, recoveryTimeoutMs: 1000 } })
    for (let i = 0; i < 200; i++) {
      rig.offer(`line ${i}`)
      if (rig.child.isAsked) rig.child.refuse()
      rig.advance(500)
    }
    await rig.bury()
    t.match(rig.snapshot(), { state: 'open', linesDeadLettered: 3, queueLines: 197 })
  })
})

t.test('one bad line never keeps a breaker open', async t => {
  for (const whenOpen of ['hold', 'skip'] as const) {
    t.test(`with ${whenOpen}, since the probe after it is of other lines`, async t => {
      const rig = deliveryRig({ whenOpen, breaker: HASTY_BREAKER })
      rig.refuse('BAD')
      t.equal(rig.snapshot().state, 'open')
      rig.advance(1000)
      rig.child.refuse()
      t.equal(rig.snapshot().state, 'open')
      rig.offer('good')
      rig.advance(1000)
      t.equal(rig.batches.at(-1), 'good')
      rig.child.settle()
      t.equal(rig.snapshot().state, 'closed')
      t.equal(rig.batches.at(-1), 'BAD')
      rig.child.refuse()
      await rig.bury()
      t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1, linesDeadLettered: 1, linesSkipped: 0 })
    })
  }

  t.test('and a refusal after a success of the same half-open generation is a successful probe', async t => {
    const rig = deliveryRig({ breaker: { ...HASTY_BREAKER, successThreshold: 2 } })
    rig.offer('a')
    rig.child.settle('network')
    rig.offer('BAD')
    rig.advance(1000)
    rig.child.settle()
    t.equal(rig.snapshot().state, 'half-open')
    rig.child.refuse()
    await rig.bury()
    t.match(rig.snapshot(), { state: 'closed', linesDelivered: 1, linesDeadLettered: 1 })
  })
})

t.test('a sink that tells of each line', async t => {
  t.test('has exactly those dead-lettered that it refused, and those sent again that it wants again', async t => {
    const rig = deliveryRig()
    rig.offer('a', 'BAD', 'c', 'later', 'e', 'later too')
    rig.child.reject({ outcome: { refused: [{ line: 1, reason: 'no such field', status: 422 }], retry: [3, 5] } })
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 3, linesDeadLettered: 1, queueLines: 2, consecutiveFailures: 0 })
    t.match(rig.deadLetters, [{ line: 'BAD', reason: 'no such field', status: 422, attempts: 1 }])
    rig.advance(200)
    t.equal(rig.batches.at(-1), 'later later too')
    t.match(rig.child.last, { id: 'life:3', lines: { attempts: 1 } })
    rig.child.reject({ outcome: { refused: [], retry: [1] } })
    rig.advance(200)
    t.match(rig.child.last, { id: 'life:5', lines: { count: 1, attempts: 2 } })
    rig.child.settle()
    t.match(rig.snapshot(), { linesDelivered: 5, linesDeadLettered: 1, queueLines: 0 })
  })

  t.test('and wants all of them again has failed', async t => {
    const rig = deliveryRig()
    rig.offer('a', 'b')
    rig.child.reject({ reason: 'http-429', outcome: { refused: [], retry: [0, 1] } })
    t.match(rig.snapshot(), { failures: { 'http-429': 1 }, queueLines: 2 })
  })

  t.test('and has taken nothing yet is not believed that all are poison', async t => {
    const rig = deliveryRig()
    rig.offer('a', 'b')
    rig.child.reject({ outcome: { refused: [{ line: 0, reason: 'no' }, { line: 1, reason: 'no' }], retry: [] } })
    t.match(rig.snapshot(), { failures: { 'write-error': 1 }, queueLines: 2, linesDeadLettered: 0 })
    rig.advance(200)
    t.equal(rig.batches.at(-1), 'a b')
    rig.child.reject({ outcome: { refused: [], retry: [0, 1] } })
  })

  t.test('and refuses some, and wants the others again, is believed once it has taken others', async t => {
    const rig = provenRig()
    rig.offer('BAD', 'later')
    rig.child.reject({ reason: 'http-503', outcome: { refused: [{ line: 0, reason: 'no' }], retry: [1] } })
    await rig.bury()
    t.match(rig.snapshot(), { linesDeadLettered: 1, queueLines: 1, failures: { 'http-503': 1 } })
  })

  t.test('and has refused all lines of a batch, having taken others before, is believed', async t => {
    const rig = provenRig()
    rig.offer('BAD', 'WORSE')
    rig.child.reject({ outcome: { refused: [{ line: 0, reason: 'bad' }, { line: 1, reason: 'worse' }], retry: [] } })
    await rig.bury()
    t.match(rig.deadLetters, [{ line: 'BAD', reason: 'bad' }, { line: 'WORSE', reason: 'worse' }])
    t.match(rig.snapshot(), { linesDelivered: 1, linesDeadLettered: 2 })
    t.same(rig.snapshot().failures, {})
  })
})

t.test('retryAfterMs', async t => {
  t.test('keeps the lane from sending for so long', async t => {
    const rig = deliveryRig()
    rig.offer('a')
    rig.child.reject({ reason: 'http-429', retryAfterMs: 7000 })
    rig.offer('b')
    rig.advance(6999)
    t.equal(rig.child.sent.length, 1)
    rig.advance(1)
    t.equal(rig.child.sent.length, 2)
  })

  t.test('puts off the probe of a breaker that is open, since one before would be in vain', async t => {
    const rig = deliveryRig({ breaker: HASTY_BREAKER })
    rig.offer('a')
    rig.child.reject({ reason: 'http-429', retryAfterMs: 7000 })
    t.equal(rig.snapshot().state, 'open')
    rig.advance(6999)
    t.equal(rig.snapshot().state, 'open')
    t.equal(rig.child.sent.length, 1)
    rig.advance(1)
    t.equal(rig.child.sent.length, 2)
  })

  t.test('does not shorten the wait for the probe', async t => {
    const rig = deliveryRig({ breaker: HASTY_BREAKER })
    rig.offer('a')
    rig.child.reject({ reason: 'http-429', retryAfterMs: 10 })
    rig.advance(999)
    t.equal(rig.child.sent.length, 1)
    rig.advance(1)
    t.equal(rig.child.sent.length, 2)
  })

  t.test('counts no more than maxRecoveryTimeoutMs', async t => {
    const rig = deliveryRig({ breaker: { maxRecoveryTimeoutMs: 5000 } })
    rig.offer('a')
    rig.child.reject({ retryAfterMs: Infinity })
    rig.advance(5000)
    t.equal(rig.child.sent.length, 2)
  })

  t.test('does not count at the end, when there is no later', async t => {
    const rig = deliveryRig()
    rig.offer('a')
    rig.child.reject({ reason: 'http-429', retryAfterMs: 60000 })
    rig.advance(1000)
    rig.lane.drain(clock.now() + 2000)
    t.equal(rig.child.sent.length, 2)
    rig.child.settle()
    rig.lane.end(clock.now())
    t.match(rig.snapshot(), { linesDelivered: 1 })
  })
})

t.test('the backend of a stream', async t => {
  t.test('that refuses what was accepted gets it again by halves, each by itself, until the guilty line is alone', async t => {
    const rig = PoisonRig.sensed({ clock })
    rig.offer('a', 'BAD')
    rig.offer('c')
    rig.refuseAccepted()
    t.equal(rig.batches.at(-1), 'a BAD')
    rig.offer('later')
    t.equal(rig.batches.at(-1), 'a BAD', 'nothing is sent beside it')
    rig.refuseAccepted()
    t.equal(rig.batches.at(-1), 'a')
    rig.child.deliver()
    t.equal(rig.batches.at(-1), 'BAD')
    rig.refuseAccepted()
    t.equal(rig.batches.at(-1), 'c')
    rig.child.deliver()
    rig.child.deliver()
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 4, linesDeadLettered: 1, queueLines: 0, unsettledLines: 0 })
    t.same(rig.snapshot().failures, {})
    t.match(rig.deadLetters, [{ line: 'BAD', status: 400, reason: 'the backend answered http 400' }])
  })

  t.test('that refuses a part of a batch is believed as to that part, and the rest stays with the sink', async t => {
    const rig = PoisonRig.sensed({ clock })
    const start = rig.child.given
    rig.offer('a', 'b', 'c')
    rig.child.deliver(2)
    rig.refuseAccepted(start + 4)
    await rig.bury()
    t.match(rig.snapshot(), { linesDelivered: 2, linesDeadLettered: 1, unsettledLines: 1 })
    t.match(rig.deadLetters, [{ line: 'b' }])
    rig.child.deliver()
    t.match(rig.snapshot(), { linesDelivered: 3, linesDeadLettered: 1, unsettledLines: 0 })
  })
})

t.test('dead letters', async t => {
  t.test('are counted once they are written, and as unsettled until then', async t => {
    const rig = provenRig()
    rig.refuse('BAD')
    t.match(rig.snapshot(), { unsettledLines: 1, linesDeadLettered: 0 })
    await rig.bury()
    t.match(rig.snapshot(), { unsettledLines: 0, linesDeadLettered: 1, queueBytes: 0 })
    t.same(rig.losses, [{ loss: { kind: 'dead-lettered', reason: 'answered 400' }, lines: 1 }])
  })

  t.test('that cannot be written are dropped as poison, and told', async t => {
    const rig = provenRig()
    rig.isDiskFull = true
    rig.refuse('BAD')
    await rig.bury()
    t.match(rig.snapshot(), { linesDeadLettered: 0, linesDropped: { poison: 1 } })
    t.same(rig.losses, [{ loss: { kind: 'dropped', reason: 'poison' }, lines: 1 }])
  })

  t.test('on their way to a disk that hangs hold up nobody, and take no more than 4 MiB', async t => {
    const rig = provenRig({ breaker: { failureThreshold: 1000 } })
    const line = 'x'.repeat(512 * 1024 - 200)
    for (let i = 0; i < 9; i++) {
      rig.refuse(line)
    }
    t.match(rig.snapshot(), { unsettledLines: 8, linesDropped: { poison: 1 } })
    rig.offer('good')
    rig.child.settle()
    t.equal(rig.snapshot().linesDelivered, 2)
  })

  t.test('are waited for at the end, until the deadline', async t => {
    const rig = provenRig()
    for (const [line, isWritten] of [['BAD', true], ['WORSE', false]] as const) {
      rig.refuse(line)
      if (isWritten) await rig.bury()
    }
    let hasEnded = false
    rig.lane.end(clock.now() + 1000).then(() => { hasEnded = true })
    rig.child.listener.onEnded()
    await settled()
    t.equal(hasEnded, false)
    rig.advance(1000)
    await settled()
    t.equal(hasEnded, true)
    t.match(rig.snapshot(), { linesDeadLettered: 1, linesDropped: { poison: 1 }, unsettledLines: 0 })
    await rig.bury()
    t.match(rig.snapshot(), { linesDeadLettered: 1, linesDropped: { poison: 1 } }, 'what arrives after that is not counted twice')
  })
})

t.test('a line that makes its sink fail while others do not', async t => {
  const BREAKER = { failureThreshold: 2, recoveryTimeoutMs: 1000 }

  for (const whenOpen of ['hold', 'skip'] as const) {
    t.test(`is found by halves, since some probes are of others, and keeps no breaker open (${whenOpen})`, async t => {
      const rig = deliveryRig({ whenOpen, breaker: BREAKER, deadLetter: undefined })
      rig.offer('a', 'BAD', 'c')
      rig.answerFor(3000)
      t.equal(rig.snapshot().state, 'open')
      for (let i = 0; i < 40; i++) {
        rig.offer(`line ${i}`)
        rig.answerFor(500)
      }
      const { linesDelivered, linesSkipped, linesDropped, queueLines, state } = rig.snapshot()
      t.match({ linesDropped, queueLines, state }, { linesDropped: { poison: 1 }, queueLines: 0, state: 'closed' })
      t.equal(linesDelivered + linesSkipped, 42)
      if (whenOpen === 'hold') t.equal(linesSkipped, 0)
    })
  }

  t.test('is not blamed for what lines cannot bring about: the order stays, and no line is lost', async t => {
    const rig = deliveryRig({ breaker: BREAKER })
    rig.offer('a', 'BAD', 'c')
    for (let i = 0; i < 40; i++) {
      rig.offer(`line ${i}`)
      rig.answerFor(500, 'http-503')
    }
    t.ok(rig.batches.every(batch => batch === 'a BAD c'), 'no other line was a probe')
    t.match(rig.snapshot(), { state: 'open', linesDelivered: 0, linesDeadLettered: 0, queueLines: 43 })
    t.same(rig.snapshot().linesDropped, {})
  })

  t.test('is dead-lettered with what the sink said', async t => {
    const rig = deliveryRig({ breaker: { ...BREAKER, failureThreshold: 1 } })
    rig.offer('BAD')
    for (let i = 0; i < 40; i++) {
      rig.offer(`line ${i}`)
      rig.answerFor(500)
    }
    await rig.bury()
    t.match(rig.deadLetters, [{ line: 'BAD', reason: 'write-error' }])
    t.equal(rig.deadLetters[0]?.status, undefined)
    t.match(rig.snapshot(), { linesDeadLettered: 1, linesDelivered: 40 })
    t.same(rig.snapshot().linesDropped, {})
  })
})

t.test('an outage that could be of lines costs none, however long it is', async t => {
  const rig = deliveryRig({ breaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 } })
  for (let i = 0; i < 100; i++) {
    rig.offer(`line ${i}`)
    if (rig.child.isAsked) rig.child.settle('write-error')
    rig.advance(500)
  }
  for (let i = 0; i < 100; i++) {
    while (rig.child.isAsked) rig.child.settle()
    rig.advance(500)
  }
  t.match(rig.snapshot(), { state: 'closed', linesDelivered: 100, linesDeadLettered: 0 })
  t.same(rig.snapshot().linesDropped, {})
})
