import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { loadPinoFile } from '#lib/child/pino-file'

const module = import.meta.resolve('#lib/child/pino-file')
const require = createRequire(import.meta.url)
const pinoFile = require.resolve('pino/file')

/** Runs code in a thread, which gets `load` and `data`, and returns what it returns. */
async function inThread (code: string, data: object): Promise<unknown> {
  const worker = new Worker(`
    const { parentPort, workerData: data } = require('node:worker_threads')
    const { once } = require('node:events')
    const { createRequire } = require('node:module')
    import(data.module).then(async ({ loadPinoFile: load }) => parentPort.postMessage(await (async () => { ${code} })()))
  `, { eval: true, workerData: { module, pinoFile, ...data } })
  return await new Promise((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
  })
}

t.test('a thread gets the stream that pino/file makes, without pino', async t => {
  const dir = t.testdir()
  const options: object[] = [
    { destination: join(dir, 'a.ndjson') },
    { destination: join(dir, 'new', 'b.ndjson'), mkdir: true, append: false, minLength: 4096, contentMode: 'buffer', mode: 0o600, fsync: true },
    { destination: '2' },
    { destination: 2, sync: true, periodicFlush: 100 },
    {}
  ]
  const told = await inThread(`
    const told = []
    const loaded = name => Object.keys(require.cache).some(file => file.endsWith(name))
    const facts = stream => Object.fromEntries(Object.entries(stream).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)))
    const made = []
    for (const options of data.options) made.push(await load(data.pinoFile)(options))
    told.push({ loaded: loaded('pino.js') })
    const own = createRequire(data.pinoFile)(data.pinoFile)
    for (const [i, options] of data.options.entries()) {
      const pinos = await own(options)
      const [a, b] = [facts(made[i]), facts(pinos)]
      if (typeof options.destination === 'string' && options.destination !== '2') delete a.fd, delete b.fd
      told.push({ same: made[i].constructor === pinos.constructor && JSON.stringify(a) === JSON.stringify(b) && made[i].listenerCount('error') === pinos.listenerCount('error'), a, b })
    }
    return told
  `, { options }) as Array<{ loaded?: boolean, same?: boolean }>
  t.equal(told[0]?.loaded, false, 'pino is not loaded')
  t.equal(told.length, options.length + 1)
  for (const { same, ...facts } of told.slice(1)) t.ok(same, 'the same stream', facts)
})

t.test('errors do what they do with pino/file', async t => {
  const told = await inThread(`
    const told = []
    for (const factory of [load(data.pinoFile), createRequire(data.pinoFile)(data.pinoFile)]) {
      const stream = await factory({ destination: data.file })
      const seen = []
      stream.on('error', ({ code }) => seen.push(code))
      stream.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }))
      const other = await factory({ destination: data.file })
      other.on('error', ({ code }) => seen.push(code))
      other.emit('error', Object.assign(new Error('gone'), { code: 'EPIPE' }))
      seen.push(['write', 'end', 'flushSync', 'destroy'].map(name => Object.hasOwn(other, name)))
      const missing = await factory({ destination: data.file + '/none' }).then(() => 'made', ({ code }) => code)
      told.push(JSON.stringify([...seen, missing]))
    }
    return told
  `, { file: join(t.testdir(), 'a.ndjson') }) as string[]
  t.equal(told[0], told[1])
  t.match(told[0], /ENOSPC.*EPIPE.*true,true,true,true.*ENOTDIR/)
})

t.test('a file: URL names the module as a path does', async t => {
  t.equal(await inThread('return typeof load(data.url)', { url: pathToFileURL(pinoFile).href }), 'function')
})

t.test('whatever is not known is left to the module itself', async t => {
  const dir = t.testdir({ 'file.js': 'module.exports = async function (options) {}' })
  t.equal(await inThread('return typeof load(data.file)', { file: join(dir, 'file.js') }), 'undefined', 'another code')
  t.equal(await inThread('return typeof load(data.file)', { file: join(dir, 'none.js') }), 'undefined', 'no file')
  t.equal(await inThread('return typeof load(data.file)', { file: 'pino/file' }), 'undefined', 'in a bundle')
  t.equal(loadPinoFile(pinoFile), undefined, 'in the main thread')
})

t.test('the installed pino makes its file as it is known to', async t => {
  const { destination } = require('pino') as { destination: () => unknown }
  const { buildSafeSonicBoom, normalizeDestFileDescriptor } = require('pino/lib/tools') as Record<string, () => unknown>
  const code = [destination, buildSafeSonicBoom, normalizeDestFileDescriptor].map(part => String(part).replace(/\s+/g, ' ')).join('\n')
  // If this fails after an update of pino: compare lib/child/pino-file.ts with what has changed.
  t.equal(createHash('sha256').update(code).digest('hex').slice(0, 16), 'f36e18c4393104fb')
})
