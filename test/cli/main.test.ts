import { readFileSync } from 'node:fs'
import t from 'tap'
import { run } from '#lib/cli/main'
import { systemClock } from '#lib/clock'

async function runCommand (...args: string[]): Promise<{ code: number, stdout: string, stderr: string }> {
  let [stdout, stderr] = ['', '']
  const code = await run(args, {
    stdout: { write: text => { stdout += text } },
    stderr: { write: text => { stderr += text } },
    clock: systemClock,
    stop: new AbortController().signal
  })
  return { code, stdout, stderr }
}

t.test('help and version go to stdout', async t => {
  const help = await runCommand('--help')
  t.match(help, { code: 0, stderr: '' })
  for (const word of ['replay <path> --config <file>', '--target', '--filter', '--dry-run', '--timeout', 'Exit codes: 0']) t.match(help.stdout, word)
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.same(await runCommand('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('a wrong call is told on stderr, with where to find help', async t => {
  t.same(await runCommand('resend'), {
    code: 2,
    stdout: '',
    stderr: 'pino-breaker-fanout: there is no command "resend", expected replay\nSee pino-breaker-fanout --help\n'
  })
})
