import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { parseStat, processTable, systemOwners, threadTable, type Owner } from '#lib/spool/owner'
import { runProcess } from '../support/run-process.js'

/** Whether this system distinguishes threads. */
const hasThreads = systemOwners.self().bootId !== 'unknown'
const permissionFlag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const module = new URL('../../package/lib/spool/owner.js', import.meta.url).href

t.test('the start time of a thread is read correctly, whatever the name of its process', async t => {
  const rest = Array.from({ length: 30 }, (_, i) => i + 4).join(' ')
  t.same(parseStat(`17 (a) b) R ${rest}`), { number: 17, startTime: 22, isDead: false })
  t.equal(parseStat(`17 (x) Z ${rest}`).isDead, true)
})

t.test('the calling thread is alive; with another boot id, thread id or start time it is not', async t => {
  const self = systemOwners.self()
  t.equal(self.pid, process.pid)
  t.equal(await systemOwners.isAlive(self), true)
  if (!hasThreads) return
  t.equal(await systemOwners.isAlive({ ...self, bootId: 'another' }), false)
  t.same([self, { ...self, pid: 1 }, { ...self, bootId: 'another' }].map(owner => systemOwners.knows(owner)), [true, true, false])
  t.equal(await systemOwners.isAlive({ ...self, startTime: self.startTime - 1 }), false)
  t.equal(await systemOwners.isAlive({ ...self, thread: 4194305 }), false)
})

t.test('a process is alive until it has ended', async t => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { systemOwners } from ${JSON.stringify(module)}
    console.log(JSON.stringify(systemOwners.self()))
    process.stdin.resume()
  `], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [output] = await once(child.stdout, 'data') as [Buffer]
  const owner = JSON.parse(output.toString()) as Owner
  t.equal(owner.pid, child.pid)
  for (const table of [systemOwners, processTable]) t.equal(await table.isAlive(owner), true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (const table of [systemOwners, processTable]) t.equal(await table.isAlive(owner), false)
})

t.test('a thread is distinguished from others of its process, and is dead once it is terminated', { skip: !hasThreads && 'this system tells nothing of threads' }, async t => {
  const worker = new Worker(`
    import(${JSON.stringify(module)}).then(({ systemOwners }) => require('node:worker_threads').parentPort.postMessage(systemOwners.self()))
    setInterval(() => {}, 1000)
  `, { eval: true })
  const [owner] = await once(worker, 'message') as [Owner]
  t.equal(owner.pid, process.pid)
  t.not(owner.thread, systemOwners.self().thread)
  t.equal(await systemOwners.isAlive(owner), true)
  await worker.terminate()
  t.equal(await systemOwners.isAlive(owner), false)
})

t.test('without /proc a process is identified by its id, and a process of another user counts as alive', async t => {
  const self = processTable.self()
  t.match(self, { bootId: 'unknown', pid: process.pid, startTime: 0 })
  t.equal(await processTable.isAlive(self), true)
  t.equal(await processTable.isAlive({ ...self, pid: 4194305 }), false)
  const { kill } = process
  t.teardown(() => { process.kill = kill })
  process.kill = () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }) }
  t.equal(await processTable.isAlive({ ...self, pid: 1 }), true)
})

t.test('the owner of a lock that was taken without /proc is alive as long as its process is', { skip: !hasThreads && 'this system tells nothing of threads' }, async t => {
  t.equal(await threadTable.isAlive(processTable.self()), true)
  t.equal(await threadTable.isAlive({ ...processTable.self(), pid: 4194305 }), false)
})

t.test('without permission to read /proc a process is identified by its id', async t => {
  const dist = fileURLToPath(new URL('../../..', module))
  const { stdout } = await runProcess(process.execPath, [permissionFlag, `--allow-fs-read=${dist}*`, '--input-type=module', '-e', `
    import { systemOwners } from ${JSON.stringify(module)}
    const self = systemOwners.self()
    console.log(JSON.stringify({ self, isAlive: await systemOwners.isAlive(self) }))
  `], { cwd: dist, limitMs: 30000 })
  t.match(JSON.parse(stdout), { self: { bootId: 'unknown' }, isAlive: true })
})
