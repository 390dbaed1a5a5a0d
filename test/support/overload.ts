import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import type { SinkSnapshot } from 'pino-breaker-fanout'

/** Result of one case of `bench/overload.js`. */
interface OverloadResult {
  readonly name: string
  readonly logged: number
  readonly errors: number
  /** The numbers of the errors that arrived, in the order of their first arrival. */
  readonly arrivedErrors: readonly number[]
  /** True if all lines arrived in their order. */
  readonly isInOrder: boolean
  readonly sink: SinkSnapshot
}

/** Logs twice what a sink takes, one in 50 lines an error, with `protectLevel: 'error'`; checks that no error is lost. */
export async function checkOverload (t: Test, cases: readonly string[], isolation: 'thread' | 'inline', seconds: number): Promise<void> {
  const command = spawn(process.execPath, ['bench/overload.js', '--json', '--protect', '--cases', cases.join(), '--isolation', isolation, '--seconds', String(seconds)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output: Buffer[] = []
  command.stdout.on('data', (data: Buffer) => output.push(data))
  const [code] = await once(command, 'close')
  t.equal(code, 0)
  for (const { name, logged, errors, arrivedErrors, isInOrder, sink } of JSON.parse(Buffer.concat(output).toString()) as OverloadResult[]) {
    t.same(arrivedErrors, Array.from({ length: errors }, (_, n) => 50 * n + 49), `${name}, ${isolation}: every error arrives, in order`)
    t.ok(isInOrder, `${name}, ${isolation}: all lines keep their order`)
    const { linesReceived, linesDelivered, linesSkipped, linesDropped, linesDroppedProtected } = sink
    t.equal(linesReceived, logged)
    t.equal(linesDelivered + linesSkipped + (linesDropped['queue-full'] ?? 0), logged, 'every line is counted once')
    t.equal(linesDroppedProtected, 0)
    const hasOutage = name === 'hold' || name === 'skip'
    if (hasOutage) t.ok(sink.transitions.some(({ to }) => to === 'open'), `${name}, ${isolation}: the breaker has opened`)
    if (name === 'skip') t.ok(linesSkipped > 0, 'lines were skipped')
  }
}
