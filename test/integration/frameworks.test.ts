import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { addFailingRoute, changeFile, complete, runFramework, sharedFiles, writeApp } from '../support/frameworks.js'
import { installPackage } from '../support/packed.js'

/** Beside the checkout's node_modules, where Fastify and pino are, and with the packed package in its own. */
const folder = resolve('build/frameworks')
const cwd = join(folder, 'fastify')
t.setTimeout(5 * 60 * 1000)

t.before(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  installPackage(join(folder, 'node_modules'))
  writeApp(cwd, 'fastify', sharedFiles)
})

const app = { cwd, args: ['app.mjs'], path: '/', messages: ['incoming request', 'handling', 'request completed'] }

for (const end of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`the Fastify app of the docs delivers all lines when it is ended by ${end}`, async t => {
    t.strictSame(await runFramework(t, { ...app, end }), { code: 0, signal: null, stderr: '', ...complete(app) })
  })
}

for (const [name, command, args] of [['npm start', 'npm', ['start']], ['node --watch', process.execPath, ['--watch', 'app.mjs']]] as const) {
  t.test(`so it does under ${name}, when Ctrl-C is pressed twice`, { skip: process.platform !== 'linux' && 'it needs setsid' }, async t => {
    t.match(await runFramework(t, { ...app, command, args, end: 'Ctrl-C twice' }), complete(app))
  })
}

t.test('an error of a route is logged once', async t => {
  writeApp(cwd, 'fastify', sharedFiles)
  addFailingRoute(cwd)
  t.match(await runFramework(t, { ...app, messages: ['handling'], failingPath: '/fail', end: 'SIGTERM' }), { code: 0, ...complete({ messages: ['handling'] }), errors: 1 })
})

t.test('with process.once instead, the second signal would kill the app', async t => {
  writeApp(cwd, 'fastify', sharedFiles)
  changeFile(join(cwd, 'ending.mjs'), "process.on('SIGINT'", "process.once('SIGINT'")
  t.match(await runFramework(t, { ...app, end: 'SIGINT' }), { code: null, signal: 'SIGINT' })
})
