import { commonActions, sinkActions } from './action-kinds.js'
import { Actions } from './actions.js'
import { Announcer } from './announcer.js'
import { Cursor } from './cursor.js'
import { byId, setAttribute } from './element.js'
import { readableLine } from './format.js'
import { Happenings } from './happenings.js'
import { Masthead } from './masthead.js'
import { waitingLinesOf, lostLinesOf, type MonitorHistory, type Notice, type SinkSnapshot, type MonitorSnapshot, type TransitionEvent } from './messages.js'
import { Requests } from './requests.js'
import { Series, WINDOW_MS } from './series.js'
import { SinkRow } from './sink-row.js'
import { outageSince, spansOf, type StateHistory } from './spans.js'
import { Stream } from './stream.js'
import { Timeline } from './timeline.js'
import { knownState, noticeWords, reasonWords, stateWords } from './words.js'

/** The step of a history, until one has told it. */
const STEP_MS = 2000
/** A sink that has lost lines within this time is losing lines. */
const LOSING_MS = 60_000

const cursor = new Cursor()
const announcer = new Announcer(byId('announcements'), byId('result'))
const actions = new Actions(new Requests(), sentence => announcer.tell(sentence))
const timeline = new Timeline(cursor)
const happenings = new Happenings(byId('happenings'), byId('happenings-frame'), byId('nothing-happened'))
const rows = new Map<string, SinkRow>()
let series = new Map<string, Series>()
let transitions: TransitionEvent[] = []
let notices: Notice[] = []
let stepMs = STEP_MS
let lastPid: number | undefined
let rowCount = 0

const stream = new Stream('events', 'snapshot.json', {
  onHistory (history) {
    remember(history)
    happenings.reset(transitions, notices)
  },
  onSnapshot: show,
  onTransition (event) {
    transitions = recent([...transitions, event], event.time)
    happenings.addTransition(event)
    announcer.say(`${readableLine(event.sink, 60)} is ${stateWords[knownState(event.to)].toLowerCase()}: ${reasonWords(event.reason)}.`)
  },
  onNotice (notice) {
    notices = recent([...notices, notice], notice.time)
    happenings.addNotice(notice)
    announcer.say(`${readableLine(notice.sink, 60)}: ${noticeWords(notice)}.`)
  },
  onEnd (snapshot) {
    show({ ...snapshot, hasEnded: true })
    announcer.say('The transport has ended.')
  },
  onConnection (connection) {
    const wasLive = masthead.isLive
    masthead.showConnection(connection)
    if (connection.kind === 'lost' && wasLive) announcer.say('The connection to the monitor is lost.')
    if (connection.kind === 'live' && !wasLive && lastPid !== undefined) announcer.say('The monitor is connected again.')
  }
})
const masthead = new Masthead(() => stream.retryNow())

byId('timeline').append(timeline.element)
byId('common-actions').append(...commonActions.map(kind => actions.button(kind)))
setInterval(() => masthead.tick(), 1000)
addEventListener('online', () => stream.retryNow())
document.addEventListener('visibilitychange', () => { if (!document.hidden) stream.retryNow() })
stream.connect()

function remember (history: MonitorHistory): void {
  stepMs = history.stepMs
  series = new Map(Object.entries(history.sinks).map(([name, counts]) => [name, Series.of(history.times, counts, stepMs)]))
  transitions = [...history.transitions]
  notices = [...history.notices]
}

function show (snapshot: MonitorSnapshot): void {
  const { sinks, time } = snapshot
  lastPid = snapshot.pid
  matchRows(sinks)
  setAttribute(byId('common-actions'), 'hidden', !snapshot.actions || snapshot.hasEnded)
  setAttribute(byId('content'), 'hidden', false)
  let rate = 0
  const losing: string[] = []
  const lanes = sinks.map(sink => {
    const { name } = sink
    const own = seriesOf(name)
    own.add({ time, delivered: sink.linesDelivered, lost: lostLinesOf(sink), backlog: waitingLinesOf(sink) })
    rate += own.rate
    const isLosing = !snapshot.hasEnded && own.hasLost(LOSING_MS)
    if (isLosing) losing.push(name)
    const past = pastOf(sink, snapshot)
    const spans = spansOf(past)
    const row = rows.get(name) as SinkRow
    setAttribute(row.actionsPlace, 'hidden', !snapshot.actions || snapshot.hasEnded)
    row.update(sink, { series: own, spans, outageSince: outageSince(past), isLosing, now: time, hasEnded: snapshot.hasEnded })
    return { name, spans, notices: notices.filter(notice => notice.sink === name) }
  })
  timeline.update(lanes, time)
  masthead.showSnapshot(snapshot, rate, losing)
}

function seriesOf (name: string): Series {
  let own = series.get(name)
  if (own === undefined) series.set(name, own = new Series(stepMs))
  return own
}

function pastOf ({ name, state, stateForMs }: SinkSnapshot, { time, upMs }: MonitorSnapshot): StateHistory {
  return {
    from: time - WINDOW_MS,
    to: time,
    startedAt: time - upMs,
    state: knownState(state),
    stateSince: time - stateForMs,
    transitions: transitions.filter(({ sink }) => sink === name).map(event => ({ ...event, from: knownState(event.from), to: knownState(event.to) }))
  }
}

/** One row a sink, in the order of the targets. Rows stay where they are, whatever state they are in. */
function matchRows (sinks: readonly SinkSnapshot[]): void {
  const body = byId('sinks')
  for (const [name, row] of rows) {
    if (sinks.some(sink => sink.name === name)) continue
    row.main.remove()
    row.more.remove()
    rows.delete(name)
  }
  for (const { name } of sinks) {
    if (rows.has(name)) continue
    const row = new SinkRow(name, rowCount++, cursor)
    row.actionsPlace.append(...sinkActions.map(kind => actions.button(kind, name)))
    rows.set(name, row)
    body.append(row.main, row.more)
  }
}

/** What happened in the ten minutes before. */
function recent<Happened extends { readonly time: number }> (all: Happened[], now: number): Happened[] {
  return all.filter(({ time }) => time > now - WINDOW_MS)
}
