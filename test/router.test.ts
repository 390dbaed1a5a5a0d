import t from 'tap'
import type { Batch } from '#lib/batch'
import { EVERYTHING, LevelNames } from '#lib/levels'
import { Router, type RouterDeps } from '#lib/router'

/** A lane that keeps what it gets. */
class FakeLane {
  readonly minLevel: number
  readonly batches: Batch[] = []
  refused = 0

  constructor (minLevel: number) {
    this.minLevel = minLevel
  }

  refuse (lines: number): void {
    this.refused += lines
  }

  get text (): string {
    return this.batches.map(({ bytes }) => bytes.toString()).join('')
  }

  get lines (): number {
    return this.batches.reduce((sum, { count }) => sum + count, 0)
  }
}

function createRouter (minLevels: number[], options: Partial<RouterDeps<FakeLane>> = {}): { lanes: FakeLane[], router: Router<FakeLane> } {
  const lanes = minLevels.map(minLevel => new FakeLane(minLevel))
  const router = new Router<FakeLane>({
    lanes,
    levels: new LevelNames(),
    levelKey: 'level',
    dedupe: false,
    maxLineBytes: 1024 * 1024,
    deliver: (lanes, batch) => { for (const lane of lanes) lane.batches.push(batch) },
    ...options
  })
  return { lanes, router }
}

const at = (level: number, msg = ''): string => `{"level":${level},"msg":"${msg}"}\n`

t.test('each lane gets the lines that its level admits, in order, in one batch', async t => {
  const { router, lanes: [all, info, error] } = createRouter([EVERYTHING, 30, 50])
  router.route([at(20) + at(30) + at(50) + at(10) + at(60) + at(40)])
  t.equal(all?.text, at(20) + at(30) + at(50) + at(10) + at(60) + at(40))
  t.equal(info?.text, at(30) + at(50) + at(60) + at(40))
  t.equal(error?.text, at(50) + at(60))
  t.same([all?.lines, info?.lines, error?.lines], [6, 4, 2])
  t.same([all?.batches.length, info?.batches.length, error?.batches.length], [1, 1, 1])
})

t.test('a lane that no line is for gets nothing', async t => {
  const { router, lanes: [info, error] } = createRouter([30, 50])
  router.route([at(30)])
  router.route([''])
  t.equal(error?.batches.length, 0)
  t.equal(info?.batches.length, 1)
})

t.test('a batch that lanes take whole is one and the same to all of them', async t => {
  const { router, lanes: [all, info, alsoInfo, error] } = createRouter([EVERYTHING, 30, 30, 50])
  router.route([at(30) + at(50)])
  t.ok(all?.batches[0])
  t.equal(info?.batches[0], all?.batches[0])
  t.equal(alsoInfo?.batches[0], all?.batches[0])
  t.not(error?.batches[0], all?.batches[0])
})

t.test('where every lane takes everything, nothing is looked at', async t => {
  const { router, lanes: [one, two] } = createRouter([EVERYTHING, EVERYTHING])
  router.route(['no JSON\n' + at(10)])
  t.equal(one?.lines, 2)
  t.equal(two?.batches[0], one?.batches[0])
  t.equal(router.linesWithoutLevel, 0)
})

t.test('a line without a level that can be used goes to every lane, and is counted', async t => {
  const lines = ['no JSON', '', '{', 'null', '30', '"level"', '[]', '{"msg":"a"}', '{"level":null,"a":1}', '{"level":"loud","a":1}', '{"level":[30],"a":1}', '{"level":true}', '{"level":"30","a":1}']
  for (const line of lines) {
    for (const dedupe of [false, true]) {
      const { router, lanes } = createRouter([EVERYTHING, 30, 60], { dedupe })
      router.route([`${line}\n`])
      t.same(lanes.map(({ lines }) => lines), [1, 1, 1], line)
      t.equal(router.linesWithoutLevel, 1, line)
    }
  }
})

t.test('levels are numbers of any kind', async t => {
  const taken: Array<[string, number]> = [
    ['0', 1], ['-5', 1], ['29.9', 1], ['30.0', 2], ['3e1', 2], ['30 ', 2], ['49', 2], ['123456789', 3], ['12345678901234', 3], ['1e400', 3], ['-1e400', 1]
  ]
  for (const [level, expected] of taken) {
    for (const rest of [',"a":1}', '}']) {
      const { router, lanes } = createRouter([EVERYTHING, 30, 50])
      router.route([`{"level":${level}${rest}\n`])
      t.equal(lanes.reduce((sum, { lines }) => sum + lines, 0), expected, level + rest)
      t.equal(router.linesWithoutLevel, 0, level + rest)
    }
  }
})

t.test('levels are labels in any case, custom ones too', async t => {
  const { router, lanes: [info, error] } = createRouter([30, 50], { levels: new LevelNames({ alert: 55 }) })
  router.route(['{"level":"WARN","a":1}\n{"level":"alert"}\n{"level":"debug","a":1}\n{"a":1,"level":"Error"}\n'])
  t.equal(info?.text, '{"level":"WARN","a":1}\n{"level":"alert"}\n{"a":1,"level":"Error"}\n')
  t.equal(error?.text, '{"level":"alert"}\n{"a":1,"level":"Error"}\n')
})

t.test('a label that does not end sends nobody astray', async t => {
  const { router, lanes: [info, error] } = createRouter([30, 50])
  router.route(['{"level":"debug\n{"level":"debug","a":1}\n'])
  t.equal(info?.text, '{"level":"debug\n')
  t.equal(error?.text, '{"level":"debug\n')
  t.equal(router.linesWithoutLevel, 1)
})

t.test('the level stands under another key, whatever characters it has', async t => {
  for (const levelKey of ['severity', 'log.level', 'é"\\']) {
    const { router, lanes: [info, error] } = createRouter([30, 50], { levelKey })
    const line = (level: unknown): string => `${JSON.stringify({ [levelKey]: level, level: 10 })}\n`
    router.route([line(30) + line('fatal') + line(20)])
    t.equal(info?.text, line(30) + line('fatal'))
    t.equal(error?.text, line('fatal'))
  }
})

t.test('a line that bears its level twice is routed by the first', async t => {
  const { router, lanes: [info] } = createRouter([30])
  router.route(['{"level":30,"level":10}\n{"level":10,"level":30}\n'])
  t.equal(info?.text, '{"level":30,"level":10}\n')
})

t.test('with dedupe a line goes to the lanes of the highest level that takes it, and to no other', async t => {
  const { router, lanes: [all, info, error, alsoError] } = createRouter([EVERYTHING, 30, 50, 50], { dedupe: true })
  router.route([at(10) + at(30) + at(40) + at(50) + at(60) + at(20)])
  t.equal(all?.text, at(10) + at(20))
  t.equal(info?.text, at(30) + at(40))
  t.equal(error?.text, at(50) + at(60))
  t.equal(alsoError?.batches[0], error?.batches[0])
})

t.test('a silent lane gets no line that has a level', async t => {
  const { router, lanes: [silent] } = createRouter([Infinity, 30])
  router.route([at(60) + 'no JSON\n'])
  t.equal(silent?.text, 'no JSON\n')
})

t.test('a router goes on where the one before it was', async t => {
  const { router } = createRouter([30])
  router.route(['no JSON\n{"level":"info","a":1}\n'])
  const next = new Router<FakeLane>({ lanes: [new FakeLane(30)], levels: new LevelNames(), levelKey: 'level', dedupe: false, maxLineBytes: 100, deliver: () => {} }, router)
  t.match(next, { linesWithoutLevel: 1, usesLabels: true })
})

t.test('it is known whether the app writes labels', async t => {
  const { router } = createRouter([30])
  t.equal(router.usesLabels, false)
  router.route(['{"level":"info","a":1}\n'])
  t.equal(router.usesLabels, true)
  router.route([at(30)])
  t.equal(router.usesLabels, false)
})

t.test('a line that is too long is refused by every lane, whatever its level, and the others go their way', async t => {
  const long = at(30, 'x'.repeat(100))
  for (const minLevels of [[EVERYTHING], [EVERYTHING, 30, 50]]) {
    for (const text of [long, at(30) + long, long + at(30), at(30) + long + long + at(50) + long]) {
      const { router, lanes } = createRouter(minLevels, { maxLineBytes: 60 })
      router.route([text])
      t.equal(lanes[0]?.text, text.replaceAll(long, ''))
      for (const lane of lanes) t.equal(lane.refused, text.split(long).length - 1)
    }
  }
})

t.test('the bound is one of bytes, without the newline', async t => {
  const { router, lanes: [lane] } = createRouter([EVERYTHING], { maxLineBytes: 30 })
  router.route([`${'€'.repeat(10)}\n`])
  t.equal(lane?.lines, 1)
  router.route([`${'€'.repeat(10)}.\n`])
  t.equal(lane?.lines, 1)
  t.equal(lane?.refused, 1)
  router.route([`${'x'.repeat(30)}\n`])
  t.equal(lane?.lines, 2)
  router.route([`${'x'.repeat(31)}\n`])
  t.equal(lane?.lines, 2)
})

t.test('a line that was too long to be kept at all is refused by every lane', async t => {
  const { router, lanes } = createRouter([EVERYTHING, 50])
  router.refuseLine()
  t.same(lanes.map(({ refused }) => refused), [1, 1])
})

t.test('a level that is no multiple of ten is told apart from its neighbours', async t => {
  const { lanes, router } = createRouter([35, 36, 5, 100])
  const levels = [35, 36, 5, 4, 99, 100, 350]
  router.route([levels.map(level => `{"level":${level},"n":1}\n`).join('')])
  const taken = lanes.map(({ text }) => text.split('\n').slice(0, -1).map(line => (JSON.parse(line) as { level: number }).level))
  t.same(taken, [[35, 36, 99, 100, 350], [36, 99, 100, 350], [35, 36, 5, 99, 100, 350], [100, 350]])
})

t.test('a head that is wrong in any one byte is seen', async t => {
  const whole = '{"level":10,"n":1}'
  for (let at = 0; at < '{"level":10,'.length; at++) {
    for (const byte of ['x', '-', ':', '/', '9', ' ']) {
      const line = whole.slice(0, at) + byte + whole.slice(at + 1)
      const { lanes, router } = createRouter([50])
      router.route([`${line}\n`])
      t.equal(lanes[0]?.lines, takes(line, 50) ? 1 : 0, line)
    }
  }
})

/** True if a lane takes a line, by the level that a parser finds. A line without a usable level goes everywhere. */
function takes (line: string, minLevel: number): boolean {
  try {
    const { level } = JSON.parse(line) as { level?: unknown }
    return typeof level !== 'number' || level >= minLevel
  } catch {
    return true
  }
}

t.test('lanes with the same level and an equal match share a batch, and others do not', async t => {
  const match = [{ key: 'a', is: [1] }]
  const lanes = [match, [...match], [{ key: 'a', is: [2] }], undefined].map(match => Object.assign(new FakeLane(30), { match }))
  const router = new Router<FakeLane>({ lanes, levels: new LevelNames(), levelKey: 'level', dedupe: false, maxLineBytes: 100, deliver: (lanes, batch) => { for (const lane of lanes) lane.batches.push(batch) } })
  const [one, two, three] = [1, 2, 3].map(a => `{"level":30,"a":${a}}\n`) as [string, string, string]
  router.route([one + two + three + one])
  t.same(lanes.map(({ text }) => text), [one + one, one + one, two, one + two + three + one])
  t.equal(lanes[1]?.batches[0], lanes[0]?.batches[0])
})

t.test('where every lane takes all levels, no line is parsed for its level, and labels are known all the same', async t => {
  const lane = Object.assign(new FakeLane(EVERYTHING), { match: [{ key: 'a', not: [1] }] })
  const router = new Router<FakeLane>({ lanes: [lane], levels: new LevelNames(), levelKey: 'level', dedupe: true, maxLineBytes: 100, deliver: (lanes, batch) => { for (const lane of lanes) lane.batches.push(batch) } })
  router.route(['{"level":"info"}\nno JSON\n{"a":1}\n'])
  t.equal(lane.text, '{"level":"info"}\nno JSON\n')
  t.match(router, { linesWithoutLevel: 0, usesLabels: true })
})
