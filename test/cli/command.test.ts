import t from 'tap'
import { parseWords, UsageError } from '#lib/cli/command'

const options = { config: { type: 'string' }, filter: { type: 'string', multiple: true }, 'dry-run': { type: 'boolean' } } as const
const allowed = '; allowed: --config <value>, --filter <value>, --dry-run'

t.test('options may stand anywhere, with their value behind = or by itself, and some may be given several times', async t => {
  const { values, positionals } = parseWords(['--filter=level>=error', 'spool', '--config', 'c.json', '--dry-run', '--filter', 'time<2026-11-24', '--', '--odd-name'], options)
  t.same({ ...values }, { filter: ['level>=error', 'time<2026-11-24'], config: 'c.json', 'dry-run': true })
  t.same(positionals, ['spool', '--odd-name'])
})

for (const [args, message] of [
  [['a', '--fliter', 'x'], /^Unknown option '--fliter'.*; allowed: --config <value>, --filter <value>, --dry-run; did you mean "--filter"\?$/],
  [['a', '-x'], /^Unknown option '-x'.*; allowed: --config <value>, --filter <value>, --dry-run$/],
  [['a', '--toString'], /^Unknown option '--toString'/],
  [['a', '--config'], /^Option '--config <value>' argument missing; allowed: /],
  [['a', '--config', '--dry-run'], /^Option '--config' argument is ambiguous\. Did you forget to specify the option argument for '--config'\?.*; allowed: /],
  [['a', '--dry-run=yes'], /^Option '--dry-run' does not take an argument; allowed: /],
  [['a', '--config', 'c', '--config', 'd'], new RegExp(`^Option '--config' is given more than once${allowed}$`)]
] as const) {
  t.test(`"${args.join(' ')}" is refused, with what is allowed`, async t => {
    t.throws(() => parseWords(args, options), { name: 'UsageError', message })
    t.throws(() => parseWords(args, options), UsageError)
  })
}
