import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { createTargetResolver } from '#lib/resolve'

const { resolve: resolveHere } = createRequire(import.meta.url)

/** Two projects with packages of the same name, out of reach of the packages of this one. */
function projects (t: Test): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'fanout-resolve-')))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const project of ['app', 'other']) {
    mkdirSync(join(root, project, 'empty'), { recursive: true })
    for (const file of ['sink.js', 'lib/own.js', 'lib/sibling.cjs', 'folder/index.js', 'node_modules/shared/index.js', `node_modules/only-${project}/index.js`]) {
      mkdirSync(dirname(join(root, project, file)), { recursive: true })
      writeFileSync(join(root, project, file), '')
    }
  }
  for (const file of ['other/node_modules/only-other/sub/path.js', 'app/node_modules/split2/index.js']) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), '')
  }
  return root
}

t.test('an absolute path and a file:// URL stand for themselves', async (t) => {
  const root = projects(t)
  const { resolve } = createTargetResolver(root)
  const path = join(root, 'app', 'sink.js')
  t.strictSame(resolve(path), { file: path, isPinoFile: false, ownSink: undefined })
  t.strictSame(resolve(pathToFileURL(path).href), { file: pathToFileURL(path).href, isPinoFile: false, ownSink: undefined })
  t.strictSame(resolve(join(root, 'app', 'sink')), { file: join(root, 'app', 'sink'), isPinoFile: false, ownSink: undefined }, 'also without the extension')
  t.strictSame(resolve(join(root, 'app', 'folder')), { file: join(root, 'app', 'folder'), isPinoFile: false, ownSink: undefined }, 'also as a folder with an index')
  t.equal(resolve(join(root, 'app', 'empty')), undefined)
  t.equal(resolve(join(root, 'no-such.js')), undefined)
  t.equal(resolve('file://%00'), undefined)
})

t.test('pino/file is the one of this package\'s own pino, and known by its path too', async (t) => {
  const { resolve } = createTargetResolver(projects(t))
  const file = resolveHere('pino/file')
  t.strictSame(resolve('pino/file'), { file, isPinoFile: true, ownSink: undefined })
  t.strictSame(resolve(file), { file, isPinoFile: true, ownSink: undefined })
  t.strictSame(resolve(pathToFileURL(file).href), { file: pathToFileURL(file).href, isPinoFile: true, ownSink: undefined })
})

t.test('what this package itself exports is found from anywhere', async (t) => {
  const { resolve } = createTargetResolver(projects(t))
  for (const ownSink of ['http', 'nats']) {
    const file = resolveHere(`pino-breaker-fanout/${ownSink}`)
    t.strictSame(resolve(`pino-breaker-fanout/${ownSink}`), { file, isPinoFile: false, ownSink })
    t.strictSame(resolve(file), { file, isPinoFile: false, ownSink })
  }
})

t.test('a package is looked for from resolveFrom, then from the working directory, then from this package', async (t) => {
  const root = projects(t)
  const app = join(root, 'app')
  const other = join(root, 'other')
  const { resolve, placesOf } = createTargetResolver(app, other)
  t.strictSame(placesOf('shared'), [other, app, 'pino-breaker-fanout'])
  t.strictSame(placesOf('./shared.js'), [other, app], 'a relative path is not looked for in this package')
  t.equal(resolve('shared')?.file, join(other, 'node_modules', 'shared', 'index.js'))
  t.equal(resolve('only-app')?.file, join(app, 'node_modules', 'only-app', 'index.js'))
  t.equal(resolve('only-other/sub/path')?.file, join(other, 'node_modules', 'only-other', 'sub', 'path.js'))
  t.equal(resolve('split2')?.file, join(app, 'node_modules', 'split2', 'index.js'))
  t.equal(createTargetResolver(other).resolve('split2')?.file, resolveHere('split2'))
  t.equal(resolve('no-such'), undefined)
  t.equal(createTargetResolver(app).resolve('shared')?.file, join(app, 'node_modules', 'shared', 'index.js'))
})

t.test('resolveFrom is a folder, a file or a URL, and may be relative', async (t) => {
  const root = projects(t)
  const lib = join(root, 'other', 'lib')
  for (const resolveFrom of [lib, join(lib, 'own.js'), pathToFileURL(join(lib, 'own.js')).href, join('..', 'other', 'lib'), join(lib, 'not-there-yet.js')]) {
    const { resolve } = createTargetResolver(join(root, 'app'), resolveFrom)
    t.equal(resolve('only-other')?.file, join(root, 'other', 'node_modules', 'only-other', 'index.js'), resolveFrom)
    t.equal(resolve('./sibling.cjs')?.file, join(lib, 'sibling.cjs'), resolveFrom)
  }
  t.throws(() => createTargetResolver(root, 'file://%00'), TypeError)
})

t.test('a relative path is never looked for in this package', async (t) => {
  t.equal(createTargetResolver(projects(t)).resolve('./thread-host.js'), undefined)
})

t.test('a module of Node.js is no target', async (t) => {
  const { resolve } = createTargetResolver(projects(t))
  t.equal(resolve('fs'), undefined)
  t.equal(resolve('node:fs'), undefined)
})

t.test('what a bundler has moved is looked for where it went', async (t) => {
  const root = projects(t)
  const moved = join(root, 'app', 'sink.js')
  t.teardown(() => { Reflect.deleteProperty(globalThis, '__bundlerPathsOverrides') })
  const { resolve } = createTargetResolver(root)

  Reflect.set(globalThis, '__bundlerPathsOverrides', { 'my-sink': moved, 'pino/file': moved, wrong: 5 })
  t.strictSame(resolve('my-sink'), { file: moved, isPinoFile: false, ownSink: undefined })
  t.strictSame(resolve('pino/file'), { file: moved, isPinoFile: true, ownSink: undefined })
  t.equal(resolve('wrong'), undefined)
  t.equal(resolve('toString'), undefined)

  Reflect.set(globalThis, '__bundlerPathsOverrides', null)
  t.equal(resolve('my-sink'), undefined)
})
