/** The facts about a pushed line that decide whether Loki refuses it. */
export interface LokiEntry {
  /** The labels of its stream, as JSON. */
  readonly stream: string
  readonly timeNs: bigint
  /** The length of the line. */
  readonly bytes: number
}

/** The lines that a refused push is about, by their places. All others have arrived. */
export interface LokiRefusal {
  /** Lines that are too old, too new or too long for Loki. */
  readonly refused: number[]
  /** Lines whose outcome the answer does not give. */
  readonly untold: number[]
  /** Why lines were refused. */
  readonly reason: string
}

/** Groups of {@link LIMITS}: a message of the distributor about one entry, or about several. */
interface LimitGroups {
  readonly times?: string
  readonly stream?: string
  readonly tooNew?: string
  readonly maxBytes?: string
}

/** The oldest time that Loki takes. Its answer may give that in whole seconds only. */
interface Cutoff {
  readonly text: string
  readonly earliest: bigint
  /** The first time that is certainly not before the cutoff. */
  readonly latest: bigint
}

const LISTED = /ignored, reason: '([^']*)'/g
const TOTAL = /total ignored: (\d+) out of \d+(?: for stream: (\{[^\n]*\}))?/
const STREAM_OF_ENTRY = /' for stream: (\{[^\n]*\}),\n/
const OUT_OF_WINDOW = /^entry (?:too far behind|out of order)/
/**
 * Messages of the distributor about limits of the tenant: `reject_old_samples_max_age`, `creation_grace_period` and
 * `max_line_size`. A number before a message is a count: so often it applies.
 */
const LIMITS = new RegExp([
  "(?:(?<times>\\d+) errors like: )?(?:entry for stream '(?<stream>[^\\n]*?)' has timestamp too (?:old: [^\\n,]*, oldest acceptable timestamp is: [0-9TZ:.+ -]*(?:UTC)?|new: (?<tooNew>[0-9TZ:.+ -]*)(?:UTC)?)",
  "Max entry size '(?<maxBytes>\\d+)' bytes exceeded for stream '[^\\n]*?' while adding an entry with length '\\d+' bytes)"
].join('|'), 'g')
const BETWEEN = /\d+ errors: |[;\s]/g
const CUTOFF = /oldest acceptable timestamp is: ((\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d:?\d\d))/
const LABEL = /([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*")/g

/**
 * Reads from the body of a 400 which lines Loki has refused because they are too old, too new, too long or out of order.
 * Loki keeps all other lines of the same push. See `errorForFailedEntries` in Loki's `pkg/ingester/stream.go`, and `ValidateEntry` in its
 * `pkg/distributor/validator.go`.
 *
 * @returns `undefined` if the answer is about something else, or does not say which lines
 */
export function readLokiRefusal (entries: readonly LokiEntry[], body: string): LokiRefusal | undefined {
  const refusal = readIngester(entries, body) ?? readDistributor(entries, body)
  return refusal === undefined || refusal.refused.length === 0 ? undefined : refusal
}

/** An ingester reports how many entries of one stream it has ignored. They are those with the earliest times. */
function readIngester (entries: readonly LokiEntry[], body: string): LokiRefusal | undefined {
  const total = TOTAL.exec(body)
  const reasons = Array.from(body.matchAll(LISTED), ([, reason = '']) => reason)
  if (total === null || reasons.length === 0 || !reasons.every(reason => OUT_OF_WINDOW.test(reason))) return undefined

  const cutoff = readCutoff(body)
  const meant = placesOfStream(entries, total[2] ?? STREAM_OF_ENTRY.exec(body)?.[1])
  const isMeant = new Set(meant)
  const others = entries.map((_, place) => place).filter(place => !isMeant.has(place))
  const [kind = ''] = OUT_OF_WINDOW.exec(reasons[0] as string) ?? []
  const reason = cutoff === undefined ? kind : `${kind}, oldest acceptable timestamp is: ${cutoff.text}`
  const refused = earliest(entries, meant, Number(total[1]), cutoff)
  // If several streams were refused, the answer names only one.
  const untold = others.filter(place => cutoff === undefined || timeAt(entries, place) < cutoff.latest)
  if (refused !== undefined) return { refused, untold, reason }
  if (cutoff === undefined) return undefined
  return {
    refused: meant.filter(place => timeAt(entries, place) < cutoff.earliest),
    untold: [...untold, ...meant.filter(place => isAround(timeAt(entries, place), cutoff))].sort((a, b) => a - b),
    reason
  }
}

/** The distributor reports each entry that is beyond a limit, and these limits apply to all streams. */
function readDistributor (entries: readonly LokiEntry[], body: string): LokiRefusal | undefined {
  const told = Array.from(body.matchAll(LIMITS), ({ groups }) => groups as LimitGroups)
  // The answer must not have any other error.
  if (told.length === 0 || body.replace(LIMITS, '').replace(BETWEEN, '') !== '') return undefined
  const cutoff = readCutoff(body)
  const maxBytes = Math.min(...told.map(({ maxBytes = Infinity }) => Number(maxBytes)))
  const future = readFuture(entries, told)
  if (future === undefined) return undefined

  const places = entries.map((_, place) => place)
  const isTooOld = (place: number): boolean => cutoff !== undefined && timeAt(entries, place) < cutoff.earliest
  const isTooLong = (place: number): boolean => (entries[place] as LokiEntry).bytes > maxBytes
  const refused = places.filter(place => isTooOld(place) || isTooLong(place) || future.refused.has(place))
  const isRefused = new Set(refused)
  return {
    refused,
    untold: places.filter(place => !isRefused.has(place) && (future.untold.has(place) || (cutoff !== undefined && isAround(timeAt(entries, place), cutoff)))),
    reason: [
      ...cutoff === undefined ? [] : [`timestamp too old, oldest acceptable timestamp is: ${cutoff.text}`],
      ...future.refused.size === 0 ? [] : ['timestamp too new'],
      ...maxBytes === Infinity ? [] : [`max entry size of ${maxBytes} bytes exceeded`]
    ].join('; ')
  }
}

/**
 * The entries that are too new. An answer gives the second of each, but not the limit: if only some entries of a stream in a
 * second are meant, the outcome of all of them is unknown.
 *
 * @returns `undefined` if a time cannot be read
 */
function readFuture (entries: readonly LokiEntry[], told: readonly LimitGroups[]): { refused: Set<number>, untold: Set<number> } | undefined {
  const refused = new Set<number>()
  const untold = new Set<number>()
  const counts = new Map<string, { stream: string, second: bigint, times: number }>()
  for (const { times = '1', stream = '', tooNew } of told) {
    if (tooNew === undefined) continue
    const milliseconds = Date.parse(tooNew.trim().replace(/^(\S+) (\d\d:\d\d:\d\d)\S* ([+-]\d{4})$/, '$1T$2$3'))
    if (Number.isNaN(milliseconds)) return undefined
    const count = counts.get(stream + tooNew) ?? { stream, second: BigInt(Math.floor(milliseconds / 1000)), times: 0 }
    counts.set(stream + tooNew, { ...count, times: count.times + Number(times) })
  }
  for (const { stream, second, times } of counts.values()) {
    const meant = placesOfStream(entries, stream).filter(place => timeAt(entries, place) / 1000000000n === second)
    for (const place of meant) (meant.length === times ? refused : untold).add(place)
  }
  return { refused, untold }
}

/** The `count` entries with the earliest times; `undefined` if times and cutoff do not separate them clearly from the others. */
function earliest (entries: readonly LokiEntry[], places: readonly number[], count: number, cutoff: Cutoff | undefined): number[] | undefined {
  const byTime = [...places].sort((a, b) => compare(timeAt(entries, a), timeAt(entries, b)) || a - b)
  const [last, next] = [byTime[count - 1], byTime[count]].map(place => place === undefined ? undefined : timeAt(entries, place))
  if (last === undefined || (next !== undefined && next <= last)) return undefined
  if (cutoff !== undefined && (last >= cutoff.latest || (next !== undefined && next < cutoff.earliest))) return undefined
  return byTime.slice(0, count).sort((a, b) => a - b)
}

/** The places of the entries in the stream that the answer names. Loki may have added labels to it. */
function placesOfStream (entries: readonly LokiEntry[], told: string | undefined): number[] {
  const streams = new Set(entries.map(({ stream }) => stream))
  const toldLabels = Array.from(told?.matchAll(LABEL) ?? [], ([label]) => label)
  const meant = streams.size === 1
    ? streams
    : new Set([...streams].filter(stream => {
      const labels = Object.entries(JSON.parse(stream) as Record<string, string>).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      return labels.every(label => toldLabels.includes(label)) || (toldLabels.length > 0 && toldLabels.every(label => labels.includes(label)))
    }))
  return entries.flatMap(({ stream }, place) => meant.has(stream) ? [place] : [])
}

function readCutoff (body: string): Cutoff | undefined {
  const [, text = '', date, time, fraction = '', zone = ''] = CUTOFF.exec(body) ?? []
  const seconds = Date.parse(`${date}T${time}${zone}`) / 1000
  if (Number.isNaN(seconds)) return undefined
  const earliest = BigInt(seconds) * 1000000000n + BigInt(fraction.padEnd(9, '0'))
  return { text, earliest, latest: earliest + (fraction === '' ? 1000000000n : 0n) }
}

function isAround (timeNs: bigint, { earliest, latest }: Cutoff): boolean {
  return timeNs >= earliest && timeNs < latest
}

function timeAt (entries: readonly LokiEntry[], place: number): bigint {
  return (entries[place] as LokiEntry).timeNs
}

function compare (a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
