import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LineCounter } from './line-counter.js'
import { installPackage } from './packed.js'
import { freePort } from './real-servers.js'
import { runProcess } from './run-process.js'

const BUILD_LIMIT_MS = 10 * 60 * 1000
const RUN_LIMIT_MS = 2 * 60 * 1000
const isCI = process.env['CI'] !== undefined && process.env['CI'] !== 'false'

/** Where `scripts/install-bundlers.sh` installs the bundlers. */
const home = resolve('.bundlers')
const modules = join(home, 'node_modules')

/** A bundler, with the app that it is tried with. */
export interface Bundler {
  name: string
  /** The packages whose versions count. */
  packages: readonly string[]
  /** The script of a package or of the app's folder that builds, and its arguments. */
  build: readonly string[]
  /** What is built, in the folder of the app. */
  output: string
  /** The built script, in `output`. */
  main: string
  /** True if it serves HTTP, and logs at a request. */
  isServer?: boolean
}

/** The lines that have arrived at each kind of target. */
export interface ArrivedLines {
  file: number
  thread: number
  http: number
  spool: number
}

export const bundlers: readonly Bundler[] = [
  { name: 'esbuild', packages: ['esbuild', 'esbuild-plugin-pino'], build: ['build-esbuild.cjs'], output: 'dist', main: 'app.js' },
  { name: 'esbuild, in one file', packages: ['esbuild'], build: ['build-one-file.cjs'], output: 'dist', main: 'app.js' },
  { name: 'webpack', packages: ['webpack', 'pino-webpack-plugin'], build: ['build-webpack.cjs'], output: 'dist', main: 'app.js' },
  { name: 'Rollup', packages: ['rollup'], build: [join(modules, 'rollup/dist/bin/rollup'), '-c', '--silent'], output: 'dist', main: 'app.js' },
  { name: 'Vite SSR', packages: ['vite'], build: [join(modules, 'vite/bin/vite.js'), 'build', '--logLevel', 'error'], output: 'dist', main: 'app.js' },
  { name: 'ncc', packages: ['@vercel/ncc'], build: [join(modules, '@vercel/ncc/dist/ncc/cli.js'), 'build', 'app-assets.js', '-o', 'dist', '--asset-builds'], output: 'dist', main: 'index.js' },
  { name: 'Next.js standalone', packages: ['next'], build: [join(modules, 'next/dist/bin/next'), 'build', 'next'], output: 'next/.next/standalone', main: 'server.js', isServer: true }
]

/** Options of a test that needs the bundlers. It is skipped if they are not installed, but not in CI. */
export const bundlersNeeded = { skip: !existsSync(modules) && !isCI && 'no bundlers are installed: scripts/install-bundlers.sh' }

/** The versions of a bundler's packages, such as `webpack 5.99.9`. */
export function versionsOf ({ packages }: Bundler): string {
  return packages.map(name => `${name} ${(JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as { version: string }).version}`).join(', ')
}

/** Installs the package as it is built beside the bundlers. */
export function installBesideBundlers (): void {
  installPackage(modules)
  // Not every npm runs the script that puts esbuild's binary into its place.
  execFileSync(process.execPath, [join(modules, 'esbuild', 'install.js')])
}

/** Bundles the app of a bundler, moves the output to a folder without node_modules, runs it there, and counts where its lines are. */
export async function runBundled (bundler: Bundler): Promise<ArrivedLines> {
  const app = mkdtempSync(join(home, 'app-'))
  const moved = mkdtempSync(join(tmpdir(), 'fanout-bundled-'))
  try {
    cpSync(resolve('test/fixtures/bundlers'), app, { recursive: true })
    cpSync(join(app, 'log-lines.cjs'), join(app, 'next/app/api/log/log-lines.cjs'))
    await run(bundler.build, app, BUILD_LIMIT_MS)
    cpSync(join(app, bundler.output), join(moved, 'dist'), { recursive: true, dereference: true })
    return await countLines(bundler, moved)
  } finally {
    rmSync(app, { recursive: true })
    rmSync(moved, { recursive: true })
  }
}

async function countLines (bundler: Bundler, folder: string): Promise<ArrivedLines> {
  const counter = await LineCounter.open('from a bundle')
  const { url } = counter
  try {
    if (bundler.isServer === true) await runServer(folder, url)
    else await run([join(folder, 'dist', bundler.main), folder, url], folder, RUN_LIMIT_MS)
  } finally {
    counter.close()
  }
  return { file: counter.in(join(folder, 'file.log')), thread: counter.in(join(folder, 'pretty.log')), http: counter.arrived, spool: counter.in(join(folder, 'spool')) }
}

/** Next.js repeats the path of the app below the folder that has node_modules. */
async function runServer (folder: string, url: string): Promise<void> {
  const main = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).find(name => name.endsWith(join('next', 'server.js')) && !name.includes('node_modules'))
  if (main === undefined) throw new Error('there is no server.js in the output')
  const port = await freePort()
  const env = { PORT: String(port), HOSTNAME: '127.0.0.1', APP_FOLDER: folder, APP_URL: url }
  await runProcess(process.execPath, [join(folder, 'dist', main)], {
    cwd: folder,
    env,
    limitMs: RUN_LIMIT_MS,
    during: async child => {
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on('data', (text: string) => { if (text.includes('Ready')) resolve() })
        child.once('exit', () => reject(new Error('the server ended before it was ready')))
      })
      const { status } = await fetch(`http://127.0.0.1:${port}/api/log`)
      child.kill()
      if (status !== 200) throw new Error(`the server answered ${status}`)
    }
  })
}

async function run (args: readonly string[], cwd: string, limitMs: number): Promise<void> {
  const { code, stdout, stderr } = await runProcess(process.execPath, args, { cwd, env: { NEXT_TELEMETRY_DISABLED: '1' }, limitMs })
  if (code !== 0) throw new Error(`${args.join(' ')} ended with code ${code}\n${stdout}${stderr}`)
}
