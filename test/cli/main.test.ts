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

t.test('help and version go to stdout, wherever they are asked for', async t => {
  for (const args of [['--help'], ['-h'], ['replay', '--help']]) {
    const help = await runCommand(...args)
    t.match(help, { code: 0, stderr: '' })
    for (const word of ['replay <path> --config <file>', '--target', '--filter', '--dry-run', '--timeout', 'Exit codes: 0']) t.match(help.stdout, word)
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  for (const args of [['--version'], ['-v'], ['replay', 'x', '-v']]) t.same(await runCommand(...args), { code: 0, stdout: `${version}\n`, stderr: '' })
})

for (const [args, message] of [
  [[], 'a command is missing, expected replay'],
  [['resend'], 'there is no command "resend", expected replay'],
  [['repaly', 'x'], 'there is no command "repaly", expected replay; did you mean "replay"?'],
  [['--config', 'c', 'replay'], 'there is no command "--config", expected replay'],
  [['replay'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', '', '--config', 'c'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', 'a', 'b', '--config', 'c'], 'replay: expected one path, got 2: a, b'],
  [['replay', 'a'], 'replay: --config is missing, expected the file that has the options of the transport'],
  [['replay', 'a', '--config', 'c', '--timeout', '0'], '--timeout: expected seconds, more than 0 and at most 2147483, got "0"'],
  [['replay', 'a', '--config', 'c', '--timeout', 'soon'], '--timeout: expected seconds, more than 0 and at most 2147483, got "soon"'],
  [['replay', 'a', '--config', 'c', '--target'], "Option '--target <value>' argument missing; allowed: --config <value>, --target <value>, --filter <value>, --dry-run, --timeout <value>"]
] as const) {
  t.test(`"${args.join(' ')}" is refused, with what is allowed and where to find help`, async t => {
    t.same(await runCommand(...args), { code: 2, stdout: '', stderr: `pino-breaker-fanout: ${message}\nSee pino-breaker-fanout --help\n` })
  })
}
