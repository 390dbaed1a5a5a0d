// Wraps a transport, and writes the CPU time of its thread to a file at its end.
import { readFileSync, writeFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

export default async function ({ target, options, report }) {
  const { default: factory } = await import(target)
  const sink = await factory(options)
  const begun = cpuSeconds()
  sink.once('finish', () => writeFileSync(report, String(cpuSeconds() - begun)))
  return sink
}

/** User and system time of this thread, on Linux. */
function cpuSeconds () {
  const stat = readFileSync('/proc/thread-self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
