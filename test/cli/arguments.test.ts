import t from 'tap'
import { parseCommand } from '#lib/cli/arguments'
import { UsageError } from '#lib/cli/usage-error'

t.test('a replay needs a path and a config, and has defaults for all else', async t => {
  t.same(parseCommand(['replay', 'dead.ndjson', '--config', 'c.json']), {
    kind: 'replay',
    replay: { path: 'dead.ndjson', config: 'c.json', target: undefined, filters: [], isDryRun: false, timeoutMs: 60000 }
  })
})

t.test('options may stand anywhere, with their value behind = or by itself, and filters add up', async t => {
  t.same(parseCommand(['--filter=level>=error', '--timeout', '0.5', 'replay', '--config=c.json', '--dry-run', 'spool', '--target', 'loki', '--filter', 'time<2026-11-24']), {
    kind: 'replay',
    replay: { path: 'spool', config: 'c.json', target: 'loki', filters: ['level>=error', 'time<2026-11-24'], isDryRun: true, timeoutMs: 500 }
  })
  t.match(parseCommand(['replay', '--config', 'c.json', '--', '--odd-name']), { replay: { path: '--odd-name' } })
})

t.test('help and version need nothing else', async t => {
  for (const args of [['--help'], ['-h'], ['replay', '--help']]) t.same(parseCommand(args), { kind: 'help' })
  for (const args of [['--version'], ['-v']]) t.same(parseCommand(args), { kind: 'version' })
})

for (const [args, message] of [
  [[], 'a command is missing, expected replay'],
  [['repaly', 'x'], 'there is no command "repaly", expected replay; did you mean "replay"?'],
  [['replay'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', '', '--config', 'c'], 'replay: the path is missing, expected a dead-letter file or the spool folder of a target'],
  [['replay', 'a', 'b', '--config', 'c'], 'replay: expected one path, got 2: a, b'],
  [['replay', 'a'], 'replay: --config is missing, expected the file that has the options of the transport'],
  [['replay', 'a', '--fliter', 'x'], 'there is no option --fliter, expected one of --config, --target, --filter, --dry-run, --timeout, --help, --version; did you mean "--filter"?'],
  [['replay', 'a', '-x'], 'there is no option -x, expected one of --config, --target, --filter, --dry-run, --timeout, --help, --version'],
  [['replay', 'a', '--toString'], 'there is no option --toString, expected one of --config, --target, --filter, --dry-run, --timeout, --help, --version'],
  [['replay', 'a', '--config'], '--config: expected a value, got nothing'],
  [['replay', 'a', '--config='], '--config: expected a value, got nothing'],
  [['replay', 'a', '--config', '--dry-run'], '--config: expected a value, got --dry-run'],
  [['replay', 'a', '--config', 'c', '--config', 'd'], '--config: is given 2 times, and takes one value'],
  [['replay', 'a', '--config', 'c', '--dry-run=yes'], '--dry-run: takes no value, got "yes"'],
  [['replay', 'a', '--config', 'c', '--timeout', '0'], '--timeout: expected seconds, more than 0 and at most 2147483, got "0"'],
  [['replay', 'a', '--config', 'c', '--timeout', 'soon'], '--timeout: expected seconds, more than 0 and at most 2147483, got "soon"']
] as const) {
  t.test(`"${args.join(' ')}" is refused, with what is allowed`, async t => {
    t.throws(() => parseCommand(args), new UsageError(message))
  })
}
