import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openBackend } from '../support/http-backend.js'
import { messagesIn, writeRecipes } from '../support/recipes.js'
import { runProcess } from '../support/run-process.js'

const LIMIT_MS = 90000
const FREEZE_MS = 3000
const folder = writeRecipes('recipes')

t.test('a function that is frozen after each answer has delivered its lines before', async t => {
  const backend = await openBackend(t)
  const orders = (): number[] => backend.requests.flatMap(({ body }) => body.trimEnd().split('\n')).map(line => (JSON.parse(line) as { order: number }).order)
  // Stands for the runtime API of the platform: the function asks for the next event, and posts its answer.
  writeFileSync(join(folder, 'runtime.mjs'), `
    import { handler } from './handler.mjs'
    while (true) {
      const event = await (await fetch(process.env.RUNTIME + '/next')).json()
      if (event.over) break
      await fetch(process.env.RUNTIME + '/answer', { method: 'POST', body: JSON.stringify(await handler(event)) })
    }`)
  let asks: (response: ServerResponse) => void = () => {}
  let answers: () => void = () => {}
  const runtime = createServer((request, response) => {
    if (request.url === '/next') return asks(response)
    request.resume().on('end', () => {
      response.end()
      answers()
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    runtime.closeAllConnections()
    runtime.close()
  })
  await once(runtime, 'listening')
  const result = await runProcess(process.execPath, ['runtime.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env: { LOGS_URL: backend.url, RUNTIME: `http://127.0.0.1:${(runtime.address() as AddressInfo).port}` },
    during: async child => {
      const nextAsk = async (): Promise<ServerResponse> => await new Promise(resolve => { asks = resolve })
      let ask = await nextAsk()
      for (const order of [1, 2, 3]) {
        const answered = new Promise<void>(resolve => { answers = resolve })
        ask.end(JSON.stringify({ order }))
        await answered
        t.same(orders(), [1, 2, 3].slice(0, order), `order ${order} was delivered before the answer`)
        const asked = nextAsk()
        child.kill('SIGSTOP')
        await sleep(FREEZE_MS)
        child.kill('SIGCONT')
        ask = await asked
      }
      ask.end(JSON.stringify({ over: true }))
    }
  })
  t.match(result, { code: 0, stderr: '' })
  t.same(orders(), [1, 2, 3], 'nothing comes twice')
})

/** Runs the recipe for a service, sends it a request and then SIGTERM. */
async function runService (t: Test, command: string, args: readonly string[]): Promise<{ code: number | null, stderr: string, messages: string[] }> {
  const file = join(t.testdir(), 'app.log')
  const { code, stderr } = await runProcess(command, [...args, process.execPath, 'service.mjs'], {
    cwd: folder,
    limitMs: LIMIT_MS,
    env: { LOG_FILE: file },
    during: async child => {
      let stdout = ''
      while (!/listening on \d+\n/.test(stdout)) stdout += String((await once(child.stdout as NodeJS.ReadableStream, 'data'))[0])
      await (await fetch(`http://127.0.0.1:${/\d+/.exec(stdout)?.[0] ?? ''}/`)).text()
      child.kill('SIGTERM')
    }
  })
  return { code, stderr, messages: messagesIn(file) }
}

t.test('a service that ends by SIGTERM has written all its lines', async t => {
  t.same(await runService(t, 'env', []), { code: 0, stderr: '', messages: ['request', 'ending'] })
})

t.test('so has one that is the first process of its container', { skip: process.getuid?.() !== 0 && 'only root may start a namespace of processes' }, async t => {
  // unshare passes no signal on, so the process inside gets it from a shell that is not the first one.
  const { code, messages } = await runService(t, 'sh', ['-c', 'unshare --pid --fork --kill-child --mount-proc "$@" & pid=$!; trap "pkill -TERM -P $pid" TERM; wait $pid; wait $pid', 'sh'])
  t.match({ code, messages }, { code: 0, messages: ['request', 'ending'] })
})

t.test('a logger in a worker thread of the app is flushed when the worker ends', async t => {
  const file = join(t.testdir(), 'app.log')
  const result = await runProcess(process.execPath, ['worker.mjs'], { cwd: folder, limitMs: LIMIT_MS, env: { LOG_FILE: file } })
  t.match(result, { code: 0, stderr: '' })
  t.ok(existsSync(file))
  t.match(readFileSync(file, 'utf8'), /"from a worker"/)
})
