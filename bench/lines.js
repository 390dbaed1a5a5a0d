// The lines of the benchmarks: requests to a web app, of about 270 bytes, with nested objects and non-ASCII text.

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT']
const PATHS = ['/', '/artikel/grün', '/users/42', '/api/v1/orders', '/suche?q=größe']
const USERS = [{ name: 'Zoë Müller', city: 'Łódź' }, { name: 'José Peña', city: '東京' }, { name: 'Anna Ås', city: 'Kraków' }]

/** The levels of twenty lines, as of a service in production with `debug` on. */
const LEVELS = [30, 20, 30, 30, 20, 30, 30, 40, 30, 30, 20, 30, 30, 30, 20, 30, 50, 30, 30, 30]
const LABELS = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' }

/** The numeric level of the line with this number. */
export function levelOf (n) {
  return LEVELS[n % LEVELS.length]
}

/** The logger's method for that level. */
export function labelOf (n) {
  return LABELS[levelOf(n)]
}

/** How many of the first `count` lines have this level or a higher one. */
export function linesFrom (level, count) {
  let lines = 0
  for (let n = 0; n < count; n++) if (levelOf(n) >= level) lines++
  return lines
}

/** The object that an app passes to its logger. */
export function recordOf (n) {
  return {
    req: { id: n, method: METHODS[n % METHODS.length], url: PATHS[n % PATHS.length], remote: { address: '10.0.0.7', port: 40000 + n % 20000 } },
    res: { status: n % 20 === 16 ? 500 : 200, ms: n % 97 },
    user: USERS[n % USERS.length]
  }
}

/** The line that pino makes of that object and more fields, with its newline. */
export function lineOf (n, fields = {}) {
  return JSON.stringify({ level: levelOf(n), time: 1790000000000 + n, pid: 4242, hostname: 'web-1', ...recordOf(n), ...fields, msg: 'request completed' }) + '\n'
}

/**
 * `count` lines as one text. With `lineBytes`, all lines have about that length. With `modules`, each hundredth line has
 * `module: 'audit'`, and with `'all'` each other one `module: 'web'`.
 */
export function textOf (count, lineBytes, modules) {
  let text = ''
  for (let n = 0; n < count; n++) text += lineBytes === undefined ? lineOf(n, fieldsOf(n, modules)) : sizedLine(n, lineBytes)
  return text
}

/** True for the hundredth of the lines that has `module: 'audit'`. */
export function isOfAudit (n) {
  return n % 100 === 0
}

function fieldsOf (n, modules) {
  if (modules === undefined) return {}
  if (isOfAudit(n)) return { module: 'audit' }
  return modules === 'all' ? { module: 'web' } : {}
}

function sizedLine (n, bytes) {
  const head = `{"level":${levelOf(n)},"time":${1790000000000 + n},"msg":"`
  return `${head}${'é'.repeat(Math.max(1, Math.round((bytes - head.length - 3) / 2)))}"}\n`
}

/** Cuts a text into chunks of a number of characters, also within lines. */
export function chunksOf (text, length) {
  const chunks = []
  for (let at = 0; at < text.length; at += length) chunks.push(text.slice(at, at + length))
  return chunks
}
