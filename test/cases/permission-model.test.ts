// Kind: a part that is not used asks for something, at its import or at the start. Under Node's permission model that ends
// the transport: with what pino's own targets need, no line was logged.
import t, { type Test } from 'tap'
import { readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runProcess } from '../support/run-process.js'

const FLAG = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const LIMIT_MS = 60000
const SINK = `
  const { Writable } = require('node:stream')
  const fs = require('node:fs')
  module.exports = ({ file }) => new Writable({ write (chunk, encoding, done) { fs.appendFile(file, chunk, done) } })`
/** Its spool, if it has one, is below this folder. */
const APP = `
  const { pino } = require(${JSON.stringify(resolve('node_modules/pino'))})
  const spool = process.argv[2]
  const transport = pino.transport({ target: ${JSON.stringify(resolve('dist/cjs/index.cjs'))}, options: { diagnostics: { to: ['file'] }, targets: [
    { name: 'file', target: 'pino/file', options: { destination: __dirname + '/file.log' } },
    { target: __dirname + '/sink.cjs', options: { file: __dirname + '/sink.log' }, ...(spool && { whenOpen: 'spool', spool: { dir: spool, mode: 'always' } }) }
  ] } })
  transport.on('error', error => {
    console.error(error.message)
    process.exit(1)
  })
  pino({ base: null }, transport).info({ n: 0 })`

/** Runs the app with leave for the packages, and for its own folder; returns what its files have. */
async function run (t: Test, { cwd, spool }: { cwd?: string, spool?: string } = {}): Promise<{ file: string, sink: string }> {
  const dir = realpathSync(t.testdir({ 'app.cjs': APP, 'sink.cjs': SINK }))
  const grants = [`--allow-fs-read=${resolve('dist')}/*`, `--allow-fs-read=${resolve('node_modules')}/*`, `--allow-fs-read=${resolve('package.json')}`, `--allow-fs-read=${dir}/*`, `--allow-fs-write=${dir}/*`, '--allow-worker']
  const { code, stderr } = await runProcess(process.execPath, [FLAG, ...grants, join(dir, 'app.cjs'), ...spool === undefined ? [] : [join(dir, spool)]], { cwd: cwd ?? dir, limitMs: LIMIT_MS })
  t.equal(code, 0, stderr)
  return { file: readFileSync(join(dir, 'file.log'), 'utf8'), sink: readFileSync(join(dir, 'sink.log'), 'utf8') }
}

t.test('under the permission model a transport needs no more than pino\'s own targets do', async t => {
  const { file, sink } = await run(t)
  t.match(file, /"n":0/)
  t.match(sink, /"n":0/)
})

t.test('a working directory that must not be read is no reason to log nothing', async t => {
  const { file, sink } = await run(t, { cwd: '/' })
  t.match(file, /"n":0/)
  t.match(sink, /"n":0/)
})

t.test('a spool works without leave to read /proc', async t => {
  const { file, sink } = await run(t, { spool: 'spool' })
  t.notMatch(file, /spool unavailable/)
  t.match(sink, /"n":0/)
})

t.test('a spool that must not be written is told of, and its lines are sent from memory', async t => {
  const { file, sink } = await run(t, { spool: '../elsewhere' })
  t.match(file, /sink spool unavailable/)
  t.match(file, /"code":"ERR_ACCESS_DENIED"/)
  t.match(sink, /"n":0/)
})
