// Kind: a part that is not used asks for something, at its import or at the start. Under Node's permission model that ends
// the transport: with what pino's own targets need, no line was logged.
import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodes } from '../support/nodes.js'
import { runProcess } from '../support/run-process.js'

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

/** Tells whether it may sync a file, and whether the system does so by itself with the file of a spool. */
const SYNCS = `
  import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'
  import { open } from 'node:fs/promises'
  import { nodeFileSystem } from ${JSON.stringify(pathToFileURL(resolve('build/package/lib/spool/node-file-system.js')))}
  const other = await open('other', 'w')
  const isPermitted = await other.sync().then(() => true, () => false)
  const file = await nodeFileSystem.create('file')
  await file.write(Buffer.from('line'), 0)
  await file.sync()
  const fd = readdirSync('/proc/self/fd').find(fd => { try { return readlinkSync('/proc/self/fd/' + fd).endsWith('/file') } catch { return false } })
  const flags = parseInt(/flags:\\s*(\\d+)/.exec(readFileSync('/proc/self/fdinfo/' + fd, 'utf8'))[1], 8)
  console.log(JSON.stringify({ isPermitted, syncsWrites: (flags & constants.O_DSYNC) !== 0 }))
  await Promise.all([file.close(), other.close()])`

/** Node.js before 22.13 has another name for the flag. */
function flagOf (node: string): string {
  return execFileSync(node, ['-p', 'process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission"'], { encoding: 'utf8', env: {} }).trim()
}

/** Runs the app with leave for the packages, and for its own folder; returns what its files have. */
async function run (t: Test, { cwd, spool, node = process.execPath, runs = 1 }: { cwd?: string, spool?: string, node?: string, runs?: number } = {}): Promise<{ file: string, sink: string }> {
  const dir = realpathSync(t.testdir({ 'app.cjs': APP, 'sink.cjs': SINK }))
  const grants = [`--allow-fs-read=${resolve('dist')}/*`, `--allow-fs-read=${resolve('node_modules')}/*`, `--allow-fs-read=${resolve('package.json')}`, `--allow-fs-read=${dir}/*`, `--allow-fs-write=${dir}/*`, '--allow-worker']
  for (let n = 0; n < runs; n++) {
    const { code, stderr } = await runProcess(node, [flagOf(node), ...grants, join(dir, 'app.cjs'), ...spool === undefined ? [] : [join(dir, spool)]], { cwd: cwd ?? dir, limitMs: LIMIT_MS })
    t.equal(code, 0, stderr)
  }
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

for (const { name, path: node, needed } of nodes()) {
  t.test(`${name}: a spool works without leave to read /proc or to sync, and the next run sends no line again`, needed, async t => {
    const { file, sink } = await run(t, { node, spool: 'spool', runs: 3 })
    t.notMatch(file, /spool/)
    t.equal(sink.split('"n":0').length - 1, 3)
  })

  t.test(`${name}: what a spool has written is synced, if need be with each write`, { skip: needed.skip || (process.platform !== 'linux' && 'reads /proc') }, async t => {
    const dir = realpathSync(t.testdir({ 'app.mjs': SYNCS }))
    const { code, stdout, stderr } = await runProcess(node, [flagOf(node), '--allow-fs-read=*', `--allow-fs-write=${dir}/*`, join(dir, 'app.mjs')], { cwd: dir, limitMs: LIMIT_MS })
    t.equal(code, 0, stderr)
    const { isPermitted, syncsWrites } = JSON.parse(stdout) as { isPermitted: boolean, syncsWrites: boolean }
    t.equal(syncsWrites, !isPermitted)
  })
}

t.test('a spool that must not be written is told of, and its lines are sent from memory', async t => {
  const { file, sink } = await run(t, { spool: '../elsewhere' })
  t.match(file, /sink spool unavailable/)
  t.match(file, /"code":"ERR_ACCESS_DENIED"/)
  t.match(sink, /"n":0/)
})
