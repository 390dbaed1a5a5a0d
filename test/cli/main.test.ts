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
  const verbs = { run: ['run --config <file>', '--quiet'], check: ['check --config <file>', '--json'], top: ['top <address>', '--token', '--once', 'PINO_BREAKER_FANOUT_MONITOR__TOKEN'], replay: ['replay <path> --config <file>', '--target', '--filter', '--dry-run', '--timeout'] }
  for (const args of [['--help'], ['-h']]) {
    const help = await runCommand(...args)
    t.match(help, { code: 0, stderr: '' })
    for (const words of Object.values(verbs)) for (const word of words) t.match(help.stdout, word)
  }
  for (const [verb, words] of Object.entries(verbs)) {
    const { code, stdout } = await runCommand(verb, '--help')
    t.equal(code, 0)
    for (const word of [...words, 'Exit codes: 0']) t.match(stdout, word)
    t.equal(stdout.split('Usage: ').length, 2, 'only that of the verb')
    for (const line of stdout.split('\n')) t.ok(line.length <= 100, line)
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  for (const args of [['--version'], ['-v'], ['replay', 'x', '-v']]) t.same(await runCommand(...args), { code: 0, stdout: `${version}\n`, stderr: '' })
})

for (const [args, message] of [
  [[], 'a command is missing, expected run, check, top, replay'],
  [['resend'], 'there is no command "resend", expected run, check, top, replay'],
  [['repaly', 'x'], 'there is no command "repaly", expected run, check, top, replay; did you mean "replay"?'],
  [['--config', 'c', 'replay'], 'there is no command "--config", expected run, check, top, replay'],
  [['replay'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', '', '--config', 'c'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', 'a', 'b', '--config', 'c'], 'replay: expected one path, got 2: a, b'],
  [['run'], 'run: --config is missing, expected the file that has the options of the transport'],
  [['run', 'a', '--config', 'c'], 'run: expected no path, got a: lines come on standard input'],
  [['check'], 'check: --config is missing, expected the file that has the options of the transport'],
  [['check', 'a'], 'check: expected no path, got a; the file stands behind --config'],
  [['top'], 'top: the address is missing, expected that of a monitor, such as http://127.0.0.1:9464'],
  [['top', '1', '2'], 'top: expected one address, got 2: 1, 2'],
  [['top', 'monitor'], 'top: expected an address such as http://127.0.0.1:9464 or 127.0.0.1:9464, or the path of a Unix socket, got "monitor"'],
  [['replay', 'a'], 'replay: --config is missing, expected the file that has the options of the transport'],
  [['replay', 'a', '--config', 'c', '--timeout', '0'], '--timeout: expected seconds, more than 0 and at most 2147483, got "0"'],
  [['replay', 'a', '--config', 'c', '--timeout', 'soon'], '--timeout: expected seconds, more than 0 and at most 2147483, got "soon"'],
  [['replay', 'a', '--config', 'c', '--target'], "Option '--target <value>' argument missing; allowed: --config <value>, --target <value>, --filter <value>, --dry-run, --timeout <value>"]
] as const) {
  t.test(`"${args.join(' ')}" is refused, with what is allowed and where to find help`, async t => {
    t.same(await runCommand(...args), { code: 2, stdout: '', stderr: `pino-breaker-fanout: ${message}\nSee pino-breaker-fanout --help\n` })
  })
}
