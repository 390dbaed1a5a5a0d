import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runProcess, type RunResult } from '../support/run-process.js'

const LIMIT_MS = 8 * 60 * 1000
const root = process.cwd()
t.setTimeout(2 * LIMIT_MS)

const folder = mkdtempSync(join(tmpdir(), 'pino-breaker-fanout-install-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** What npm warned of, such as an install script that nobody has reviewed, or an engine that is too old. */
function warningsOf ({ stdout, stderr }: RunResult): string[] {
  return `${stdout}${stderr}`.split('\n').filter(line => /\bwarn\b/i.test(line))
}

/** Runs npm as a user does, and not with the settings of the npm that runs these tests. */
async function npm (cwd: string, ...args: string[]): Promise<RunResult> {
  const foreign = Object.keys(process.env).filter(name => /^npm_config_(?:ignore_scripts|loglevel)$/i.test(name))
  const env = Object.fromEntries(foreign.map(name => [name, undefined]))
  const script = process.env['npm_execpath']
  const [command, first] = script?.endsWith('npm-cli.js') === true ? [process.execPath, [script]] : ['npm', []]
  const result = await runProcess(command, [...first, ...args], { cwd, env, limitMs: LIMIT_MS })
  if (result.code !== 0) throw new Error(`npm ${args.join(' ')} ended with code ${result.code}, signal ${result.signal}\n${result.stdout}${result.stderr}`)
  return result
}

t.test('npm ci in a clone builds the package, and warns of nothing', { timeout: LIMIT_MS }, async t => {
  const clone = join(folder, 'clone')
  execFileSync('git', ['clone', '--quiet', '--depth=1', `file://${root}`, clone])
  // What has changed since the last commit counts too.
  for (const name of ['package.json', 'package-lock.json']) writeFileSync(join(clone, name), readFileSync(join(root, name)))
  const result = await npm(clone, 'ci', '--prefer-offline', '--no-audit', '--no-fund')
  t.same(warningsOf(result), [])
  t.ok(existsSync(join(clone, 'dist', 'esm', 'index.js')), 'it is built')
})

t.test('npm install of the packed package in an empty folder warns of nothing', { timeout: LIMIT_MS }, async t => {
  const packed = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }]
  const project = mkdtempSync(join(folder, 'project-'))
  // The prefix, or npm would look for a project above the folder.
  const result = await npm(project, 'install', '--prefix', project, '--prefer-offline', join(folder, filename))
  t.same(warningsOf(result), [])
  t.ok(existsSync(join(project, 'node_modules', 'pino-breaker-fanout')), 'it is installed')
})

t.test('the package is not published without an address for the links of its README', async t => {
  const project = mkdtempSync(join(folder, 'publish-'))
  mkdirSync(join(project, 'scripts'))
  copyFileSync(join(root, 'scripts', 'before-publish.mjs'), join(project, 'scripts', 'before-publish.mjs'))
  const check = async (manifest: object): Promise<RunResult> => {
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
    return await runProcess(process.execPath, ['scripts/before-publish.mjs'], { cwd: project, limitMs: LIMIT_MS })
  }
  t.match(await check({ homepage: 'https://example.com' }), { code: 1, stderr: /^package\.json has no repository\. Links from the README/ })
  t.match(await check({}), { code: 1, stderr: /has no repository and no homepage\./ })
  t.match(await check({ homepage: 'https://example.com', repository: 'github:example/example' }), { code: 0, stderr: '' })
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  t.equal(scripts['prepublishOnly'], 'node scripts/before-publish.mjs', 'npm asks it')
})
