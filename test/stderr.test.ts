import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import t from 'tap'

/** Runs a script whose stderr is a pipe that is read only when the test says so. */
function run (script: string) {
  const path = JSON.stringify(resolve('build/package/lib/stderr.js'))
  return spawn(process.execPath, ['--input-type=module', '-e', `import { writeToStderr } from ${path}\n${script}`], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function textOf (stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

t.test('text and bytes reach stderr, also right before the end', async t => {
  const child = run('writeToStderr("a line\\n"); writeToStderr(Buffer.from("größe\\n")); process.reallyExit(0)')
  t.equal(await textOf(child.stderr), 'a line\ngröße\n')
})

t.test('a stderr that is closed does no harm', async t => {
  const child = run('import { closeSync } from "node:fs"\ncloseSync(2)\nwriteToStderr("x")\nconsole.log("went on")')
  t.equal(await textOf(child.stdout), 'went on\n')
})

t.test('a stderr that nobody reads is given up after a while, and holds nobody up for ever', async t => {
  // What Node.js creates for a child is a socket. It blocks, also again once another process was started with it.
  const child = run(`import { spawnSync } from "node:child_process"
    writeToStderr(Buffer.alloc(1024 * 1024, "x"))
    spawnSync("true", { stdio: "inherit" })
    writeToStderr("y")
    console.log("went on")`)
  const [stdout, [code]] = await Promise.all([textOf(child.stdout), once(child, 'exit')])
  child.stderr.destroy()
  t.equal(code, 0)
  t.equal(stdout, 'went on\n')
})
