import t from 'tap'
import { spawnSync } from 'node:child_process'
import { httpDefaults } from '#lib/http/defaults'
import { parseHttpOptions } from '#lib/http/options'
import { httpSchema } from '#lib/http/schema'
import { alternativesOf, propertiesOf, type SchemaNode } from '#lib/options/schema-node'

const url = 'https://logs.example:8443/in'

t.test('a URL is the only required option', async t => {
  const settings = parseHttpOptions({ url })
  t.match(settings, { origin: 'https://logs.example:8443', path: '/in', query: '', format: 'ndjson', gzipLevel: 0, timeoutMs: 8000, concurrency: 1, levelLabel: 'level', auth: undefined })
  t.ok(Object.isFrozen(settings))
})

t.test('only the origin of a URL may be shown', async t => {
  t.match(parseHttpOptions({ url: 'http://jo:pw@127.0.0.1:80/?key=x#y' }), { origin: 'http://127.0.0.1', path: undefined, query: '?key=x', auth: { kind: 'basic', user: 'jo', password: 'pw' } })
  t.match(parseHttpOptions({ url: 'http://jo@[::1]:3000' }), { origin: 'http://[::1]:3000', auth: { user: 'jo', password: '' } })
})

t.test('a short form of an option is completed', async t => {
  t.equal(parseHttpOptions({ url, gzip: true }).gzipLevel, httpDefaults.gzipLevel)
  t.equal(parseHttpOptions({ url, gzip: {} }).gzipLevel, httpDefaults.gzipLevel)
  t.equal(parseHttpOptions({ url, gzip: { level: 9 } }).gzipLevel, 9)
  t.equal(parseHttpOptions({ url, format: 'loki', levelLabel: false }).levelLabel, undefined)
  t.same(parseHttpOptions({ url, format: 'otlp', otlp: { traceKeys: { traceId: 'traceId' } } }).otlp, {
    resource: {}, messageKey: undefined, errorKey: undefined, traceKeys: { traceId: 'traceId', spanId: 'span_id', traceFlags: 'trace_flags' }
  })
  t.same(parseHttpOptions({ url, format: 'elasticsearch', elasticsearch: { ids: true } }).elasticsearch, { index: undefined, opType: 'create', ids: true })
})

const refused: Array<[what: string, options: unknown, message: string]> = [
  ['no options', undefined, 'options: expected an object, got nothing'],
  ['no URL', {}, 'url: expected a non-empty string, got nothing'],
  ['a text that is not a URL', { url: 'logs.example' }, 'url: expected an http:// or https:// URL, got "logs.example"'],
  ['a URL with another protocol, without showing its secrets', { url: 'ftp://jo:pw@logs.example/x?key=s3cr3t#t' }, 'url: expected an http:// or https:// URL, got "ftp://logs.example/x"'],
  ['an unknown option', { url, concurency: 2 }, 'concurency: unknown option; did you mean "concurrency"?'],
  ['an option one level too high', { url, opType: 'index' }, 'opType: unknown option; did you mean "elasticsearch.opType"?'],
  ['an unknown format', { url, format: 'xml' }, 'format: expected "ndjson", "json", "loki", "elasticsearch", "splunk" or "otlp", got "xml"'],
  ['a timeout of 0', { url, timeoutMs: 0 }, 'timeoutMs: expected an integer from 1 to 2147483647, got 0'],
  ['a compression level that does not exist', { url, gzip: { level: 10 } }, 'gzip.level: expected an integer from 1 to 9, got 10'],
  ['labels that are not strings', { url, format: 'loki', labels: { app: 1 } }, 'labels.app: expected a non-empty string, got 1'],
  ['labels with a format that does not use them', { url, labels: { app: 'x' } }, 'labels: is used only with format "loki" or "splunk", which is "ndjson" here'],
  ['settings of another format', { url, format: 'json', splunk: { index: 'x' } }, 'splunk: is used only with format "splunk", which is "json" here'],
  ['settings of OTLP with another format', { url, format: 'json', otlp: { resource: {} } }, 'otlp: is used only with format "otlp", which is "json" here'],
  ['a resource one level too high', { url, format: 'otlp', resource: {} }, 'resource: unknown option; did you mean "otlp.resource"?'],
  ['an attribute of a resource that is not a string', { url, format: 'otlp', otlp: { resource: { port: 80 } } }, 'otlp.resource.port: expected a non-empty string, got 80'],
  ['an unknown key of a trace', { url, format: 'otlp', otlp: { traceKeys: { trace: 'x' } } }, 'otlp.traceKeys.trace: unknown option; did you mean "traceId"?'],
  ['Elasticsearch without an index', { url: 'http://es:9200', format: 'elasticsearch' }, 'elasticsearch.index: expected a non-empty string, as the URL names no index, got nothing'],
  ['a header whose value is not a string, without showing it', { url, headers: { 'x-key': 123456 } }, 'headers["x-key"]: expected a non-empty string or an object, got a number'],
  ['a header with an invalid name', { url, headers: { 'x y': '1' } }, 'headers: "x y" cannot be the name of a header'],
  ['a header that frames the message', { url, headers: { 'Content-Length': '1' } }, 'headers: "Content-Length" is set by the sink itself'],
  ['authorization in two places', { url, headers: { Authorization: 'x' }, auth: { token: 'y' } }, 'headers: "Authorization" is set by auth, or by the user in the URL'],
  ['a secret in two places', { url, headers: { a: { env: 'A', file: '/a' } } }, 'headers.a: expected either env or file'],
  ['a secret in no place', { url, auth: { token: {} } }, 'auth.token: expected either env or file'],
  ['a text in place of auth, which may be a token', { url, auth: 's3cr3t' }, 'auth: expected an object, got a string'],
  ['a text in place of tls, which may be a key', { url, tls: 's3cr3t' }, 'tls: expected an object, got a string'],
  ['a secret in an unknown place', { url, auth: { token: { vault: 's3cr3t' } } }, 'auth.token.vault: unknown option'],
  ['a user without a password', { url, auth: { user: 'jo' } }, 'auth: expected either user and password, or token with or without a scheme'],
  ['a user with a token', { url, auth: { user: 'jo', password: 'pw', token: 'x' } }, 'auth: expected either user and password, or token with or without a scheme'],
  ['a user with a scheme', { url, auth: { user: 'jo', password: 'pw', scheme: 'Digest' } }, 'auth: expected either user and password, or token with or without a scheme'],
  ['a certificate without its key', { url, tls: { cert: '/c.pem' } }, 'tls: expected cert and key together'],
  ['a key in two places', { url, tls: { cert: '/c.pem', key: { env: 'A', file: '/a' } } }, 'tls.key: expected either env or file'],
  ['a limit of 0', { url, maxRequestBytes: 0 }, 'maxRequestBytes: expected an integer >= 1, got 0'],
  ['a proxy that is not a text, without showing it', { url, proxy: 3128 }, 'proxy: expected false, a non-empty string or an object, got a number'],
  ['a proxy in two places', { url, proxy: { env: 'A', file: '/a' } }, 'proxy: expected either env or file'],
  ['an index with braces that stand for nothing', { url, format: 'elasticsearch', elasticsearch: { index: 'logs-%{DATE}' } }, 'elasticsearch.index: expected {date} or {date:YYYY.MM.DD} in place of other braces, got "logs-%{DATE}"'],
  ['a channel that is no GUID', { url, format: 'splunk', splunk: { channel: 'mine' } }, 'splunk.channel: expected a GUID, got "mine"'],
  ['several faults at once', { format: 'xml', labels: {}, auth: { user: 1 } }, [
    'format: expected "ndjson", "json", "loki", "elasticsearch", "splunk" or "otlp", got "xml"',
    'auth.user: expected a non-empty string or an object, got a number',
    'url: expected a non-empty string, got nothing'
  ].join('\n  ')]
]

for (const [what, options, message] of refused) {
  t.test(`it refuses ${what}`, async t => {
    const error = t.throws(() => parseHttpOptions(options), { code: 'ERR_FANOUT_OPTIONS' })
    t.equal((error as Error).message, `ERR_FANOUT_OPTIONS: ${message}`)
  })
}

t.test('every field of the schema has a title, a meaning and a default, unless it is required', async t => {
  const bare: string[] = []
  visit(httpSchema, '', (path, node) => {
    const hasDefault = node.default !== undefined || node['x-default'] !== undefined
    if (node.title === undefined || !/[.)]$/.test(node.description ?? '') || !hasDefault) bare.push(path)
  })
  t.strictSame(bare, ['url'])
})

t.test('the defaults of the schema are those of the settings', async t => {
  const settings: object = { ...httpDefaults, ...httpDefaults.elasticsearch, ...httpDefaults.traceKeys, level: httpDefaults.gzipLevel }
  visit(httpSchema, '', (path, node) => {
    const key = path.slice(path.lastIndexOf('.') + 1)
    if (node.default !== undefined) t.strictSame(Reflect.get(settings, key), node.default, path)
  })
})

/** Calls for every field, but for those of secrets, which are told in one place. */
function visit (node: SchemaNode, path: string, call: (path: string, node: SchemaNode) => void): void {
  for (const [key, field] of Object.entries(propertiesOf(node))) {
    const fieldPath = path === '' ? key : `${path}.${key}`
    call(fieldPath, field)
    if (!alternativesOf(field).some(({ writeOnly }) => writeOnly === true)) visit(field, fieldPath, call)
  }
}

t.test('no HTTP client is loaded with the transport itself', async t => {
  const script = 'require(\'pino-breaker-fanout\'); process.exitCode = process.moduleLoadList.includes(\'NativeModule https\') ? 1 : 0'
  t.equal(spawnSync(process.execPath, ['-e', script]).status, 0)
})
