import type { ReplayContext } from './replay-context.js'

/** Counts of the lines to send, and of their outcomes. */
export interface Counts { total: number, sent: number, delivered: number, refused: number, damaged: number }

/** Shows progress until `stop` is called; `note` writes another text on a line of its own. */
export type Progress = ReturnType<typeof startProgress>

/** The pace is measured over this many intervals. */
const INTERVALS = 9
const CLEAR_LINE = '\r\u001B[K'

/** Tells the progress of a replay: on a terminal in one line that is rewritten each second, elsewhere in a line each 5 s. */
export function startProgress ({ stderr, clock }: Pick<ReplayContext, 'stderr' | 'clock'>, read: () => Counts) {
  const { isTTY = false } = stderr
  const samples = [{ time: clock.now(), done: 0 }]
  let isShown = false
  const timer = setInterval(() => {
    const counts = read()
    const last = { time: clock.now(), done: counts.delivered + counts.refused }
    const [first = last] = samples
    if (samples.push(last) > INTERVALS) samples.shift()
    const text = progressText(counts, (last.done - first.done) / (last.time - first.time) * 1000)
    stderr.write(isTTY ? CLEAR_LINE + text.slice(0, (stderr.columns ?? 80) - 1) : `${text}\n`)
    isShown = isTTY
  }, isTTY ? 1000 : 5000).unref()
  const clear = (): void => {
    if (isShown) stderr.write(CLEAR_LINE)
    isShown = false
  }
  return {
    note: (text: string): void => {
      clear()
      stderr.write(`${text}\n`)
    },
    stop: (): void => {
      clearInterval(timer)
      clear()
    }
  }
}

/** The sums of several counts. */
export function sumOf (all: readonly Counts[]): Counts {
  const sum = (key: keyof Counts): number => all.reduce((sum, counts) => sum + counts[key], 0)
  return { total: sum('total'), sent: sum('sent'), delivered: sum('delivered'), refused: sum('refused'), damaged: sum('damaged') }
}

/** Progress in words. */
export function progressText ({ total, sent, delivered, refused, damaged }: Counts, linesPerSecond: number): string {
  const left = Math.max(0, total - delivered - refused - damaged)
  const seconds = Math.ceil(left / linesPerSecond)
  const duration = `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
  return `sent ${sent}, delivered ${delivered}, refused ${refused}, left ${left}, ${Math.round(linesPerSecond)} lines/s${linesPerSecond > 0 ? `, ${duration} to go` : ''}`
}
