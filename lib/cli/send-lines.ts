import { Batch } from '../batch.js'
import type { DeadLetter } from '../dead-letters/dead-letter.js'
import type { TargetSettings } from '../options.js'
import { startProgress, sumOf, type Progress } from './progress.js'
import type { ReplayContext } from './replay-context.js'
import { countsOf, createTaken, createWait, startReplayLane, type Verdict } from './replay-lane.js'
import type { Survey, TargetResult } from './summary.js'
import { Tally } from './tally.js'
import type { TargetFinder } from './target-choice.js'

/** A line that is kept somewhere, and takes a note of its outcome: one of its methods is called, or none. */
export interface KeptLine {
  readonly text: string
  /** The name of the target that it was for; `undefined`: it is not a line that can be sent. */
  readonly sink: string | undefined
  deliver (): void
  /** The backend refused it for good. */
  refuse (letter: DeadLetter): void
  /** It is not to be sent. */
  leave (): void
}

/** A place that gives its lines, oldest first, and saves which of them were delivered. Saving never rejects. */
export interface LineSource {
  lines (): AsyncIterable<KeptLine>
  save (): Promise<void>
}

const SAVE_MS = 1000
const BATCH_BYTES = 64 * 1024
/** Lines that are read ahead: enough for a sink that is given 512 KiB at a time. */
const WINDOW_BYTES = 16 * 1024 * 1024

/** Counts lines, and changes nothing. */
export async function surveyLines (lines: AsyncIterable<KeptLine>, targetOf: TargetFinder, { levels, select }: ReplayContext): Promise<Survey> {
  const survey: Survey = { tally: new Tally(levels), filtered: 0, unreadable: 0, unknown: new Map() }
  for await (const { sink, text } of lines) {
    const facts = select(text)
    const target = sink === undefined ? undefined : targetOf(sink)
    if (sink === undefined) survey.unreadable++
    else if (facts === undefined) survey.filtered++
    else if (target === undefined) survey.unknown.set(sink, (survey.unknown.get(sink) ?? 0) + 1)
    else survey.tally.add(target.name, facts)
  }
  return survey
}

/** Sends the lines that were surveyed to their targets, side by side: a target that is down holds up no other. */
export async function sendLines (source: LineSource, targetOf: TargetFinder, { tally }: Survey, context: ReplayContext): Promise<TargetResult[]> {
  const targets = context.settings.targets.filter(({ name }) => tally.byTarget.has(name))
  const progress: Progress = startProgress(context, () => sumOf(senders.map(({ counts }) => counts())))
  const senders = targets.map(target => createSender(target, linesFor(target.name, source, targetOf, context), tally.byTarget.get(target.name) ?? 0, context, text => progress.note(text)))
  const saving = setInterval(() => {
    for (const { settle } of senders) settle()
    source.save()
  }, SAVE_MS)
  try {
    return await Promise.all(senders.map(async ({ send }) => await send()))
  } finally {
    clearInterval(saving)
    progress.stop()
  }
}

async function * linesFor (name: string, source: LineSource, targetOf: TargetFinder, { select }: ReplayContext): AsyncGenerator<KeptLine> {
  for await (const line of source.lines()) {
    if (line.sink !== undefined && targetOf(line.sink)?.name === name && select(line.text) !== undefined) yield line
    else line.leave()
  }
}

/** Starts the lane of one target, for the lines that are expected and others that the app appends meanwhile. */
function createSender (target: TargetSettings, source: AsyncIterable<KeptLine>, expected: number, context: ReplayContext, note: (text: string) => void) {
  // Lines by their numbers in the lane, from `firstNumber` on; `undefined`: refused, or left at the end.
  const lines: Array<KeptLine | undefined> = []
  let firstNumber = 0
  let total = expected
  let refusal = ''
  // The lane has lost a line and cannot tell which. From then on no line counts as delivered.
  let isInDoubt = false
  const lane = startReplayLane(target, context, note, {
    maxBytes: Infinity,
    append: async (records, _maxBytes, letters) => {
      for (const { number, letter } of letters) {
        remove(number)?.refuse(letter)
        refusal = letter.reason
      }
      return { written: records.length }
    }
  })
  // Lines that the lane still has at its end were not delivered.
  lane.fallBackTo({
    name: 'caller',
    takeOver: ({ count, firstLine = NaN, numbers }) => { for (let place = 0; place < count; place++) remove(numbers?.[place] ?? firstLine + place) }
  })
  const until = createWait(lane, context)

  function remove (number: number): KeptLine | undefined {
    const line = lines[number - firstNumber]
    if (line !== undefined) lines[number - firstNumber] = undefined
    return line
  }

  /** Tells lines that they were delivered. */
  function settle (): void {
    const count = Math.min(lines.length, lane.firstHeldLine - firstNumber)
    if (count <= 0) return
    isInDoubt ||= Object.keys(lane.snapshot().linesDropped).length > 0
    firstNumber += count
    for (const line of lines.splice(0, count)) if (!isInDoubt) line?.deliver()
  }

  async function offer (batch: readonly Buffer[]): Promise<Verdict> {
    const verdict = await until(() => lane.snapshot().queueBytes < WINDOW_BYTES)
    if (verdict === 'holds' && batch.length > 0) lane.offer(new Batch(Buffer.concat(batch), batch.length))
    settle()
    return verdict
  }

  async function sendAll (): Promise<Verdict> {
    const batch: Buffer[] = []
    let [count, size] = [0, 0]
    for await (const line of source) {
      lines.push(line)
      const bytes = Buffer.from(`${line.text}\n`)
      batch.push(bytes)
      size += bytes.length
      total = Math.max(total, ++count)
      if (size < BATCH_BYTES) continue
      const verdict = await offer(batch.splice(0))
      if (verdict !== 'holds') return verdict
      size = 0
    }
    const verdict = await offer(batch)
    return verdict === 'holds' ? await until(createTaken(lane, target.breaker.settleMs, context)) : verdict
  }

  return {
    counts: () => countsOf(lane, total),
    settle,
    /** Sends lines in order, until the sink has all of them or takes no more, and ends the sink. */
    async send (): Promise<TargetResult> {
      let verdict: Verdict
      try {
        verdict = await sendAll()
      } finally {
        settle()
        // A sink that proves nothing else may prove by an orderly end that all lines have arrived.
        await lane.end(context.clock.now() + context.settings.closeTimeoutMs)
        settle()
      }
      return { ...countsOf(lane, total), name: target.name, verdict, refusal, lastError: lane.snapshot().lastError?.message }
    }
  }
}
