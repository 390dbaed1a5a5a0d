import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { runProcess } from '../support/run-process.js'

const MEGABYTES = 150
// An app that logs as fast as it can runs ahead of any worker, by as much as the machine happens to let it, and pino keeps
// for it what it is ahead: that says nothing of the transport.
const MEGABYTES_PER_SECOND = 30
const ALLOWANCE_BYTES = 90e6
// What a garbage collector leaves for later depends on what else the machine does: the least of some runs tells what is needed.
const RUNS = 3
const LIMIT_MS = 60000

/** The most memory that an app took which logged 150 MB, in bytes. */
async function peakRss (transport: object): Promise<number> {
  const plan = { transport, megabytes: MEGABYTES, megabytesPerSecond: MEGABYTES_PER_SECOND }
  const { stdout } = await runProcess(process.execPath, [resolve('test/fixtures/app-logs-much.js'), JSON.stringify(plan)], { cwd: process.cwd(), env: { NODE_V8_COVERAGE: '' }, limitMs: LIMIT_MS })
  return (JSON.parse(stdout) as { peakRssBytes: number }).peakRssBytes
}

t.test('beside a sink that hangs an app takes little more memory than with a file alone', async t => {
  const dir = t.testdir()
  const [alone, file] = [join(dir, 'alone.log'), join(dir, 'file.log')]
  const reference = await peakRss({ target: 'pino/file', options: { destination: alone } })
  const { size } = statSync(alone)
  t.ok(size >= MEGABYTES * 1e6, `it logged ${size} bytes`)

  for (const fixture of ['takes-its-time', 'records-batches']) {
    const peaks: number[] = []
    for (let i = 0; i < RUNS && !peaks.some(peak => peak <= reference + ALLOWANCE_BYTES); i++) {
      peaks.push(await peakRss({
        target: 'pino-breaker-fanout',
        options: {
          targets: [
            { target: 'pino/file', options: { destination: file, append: false } },
            { target: resolve(`test/fixtures/sink-${fixture}.js`), options: { file: join(dir, 'slow'), ms: 1e6, lines: join(dir, 'lines'), attempts: join(dir, 'attempts'), down: alone, hangs: true } }
          ],
          diagnostics: false,
          closeTimeoutMs: 1500
        }
      }))
      t.equal(statSync(file).size, size, 'the file beside it is complete')
    }
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed()
    t.ok(Math.min(...peaks) <= reference + ALLOWANCE_BYTES, `${fixture}: ${peaks.map(megabytes).join(', ')} MB against ${megabytes(reference)} MB`)
  }
})
