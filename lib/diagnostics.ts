import { hostname } from 'node:os'
import { pino, type Logger } from 'pino'
import type { TransitionEvent } from './breaker.js'
import { serializeError, type SerializedError } from './errors.js'
import type { FailureReason, SinkFailure } from './failure.js'
import type { Notice } from './reports/notice.js'
import type { Loss } from './reports/loss-report.js'
import type { SpoolNews } from './reports/spool-report.js'
import { LevelNames, standardLevels, type LevelMap } from './levels.js'
import type { PinoConfig } from './pino-config.js'

/** A diagnostic record, ready to be written. */
export interface DiagnosticRecord {
  /** An NDJSON line, with its newline. */
  line: string
  level: number
  /** The sink that the record is about, if any. */
  sink: string | undefined
  /** True for a record that is made when no target takes lines any more. */
  isForStderr: boolean
}

/** Dependencies of the {@link Diagnostics}. */
export interface DiagnosticsDeps {
  /** The lowest level of a record. */
  level: number | string
  /** Levels from the options of the transport, beside those of the app's logger. */
  levels: LevelMap
  levelKey: string
  /** True if the app's lines have labels for levels. */
  usesLabels: () => boolean
  write: (record: DiagnosticRecord) => void
}

type Severity = 'info' | 'warn' | 'error'

const NAME = 'pino-breaker-fanout'

const NOTICE_MESSAGES = {
  stalled: 'sink stalled',
  'spool-half-full': 'sink spool half full',
  'spool-full': 'sink spool full',
  'restart-loop': 'sink restarts again and again'
}

/**
 * Writes records of what happens to the sinks. They look like the app's own lines: a pino logger makes them, with the app's
 * levels, message key and error key.
 */
export class Diagnostics {
  readonly #deps: DiagnosticsDeps
  #config: PinoConfig = {}
  #logger: Logger<string> | undefined
  #about: string | undefined
  #isForStderr = false

  constructor (deps: DiagnosticsDeps) {
    this.#deps = deps
  }

  /** Applies the config of the app's logger to all further records. */
  configure (config: PinoConfig): void {
    this.#config = config
    this.#logger = undefined
  }

  /** @param transitions - The number of transitions that the record stands for. It describes the last of them. */
  transition ({ sink, from, to, reason, consecutiveFailures, openForMs, retryInMs, err, attempts, failureRate, slowRate, tookMs }: TransitionEvent, transitions = 1): void {
    const errorKey = this.#config.errorKey ?? 'err'
    this.#write(to === 'open' ? 'warn' : 'info', sink, {
      component: 'circuit-breaker', sink, from, to, reason, consecutiveFailures, attempts, failureRate, slowRate, tookMs, openForMs, retryInMs, ...(transitions > 1 && { transitions }), ...(err !== undefined && { [errorKey]: err })
    }, `sink circuit ${to}`)
  }

  /** @param protectLevel - `queue.protectLevel` of the sink */
  loss (sink: string, loss: Loss, lines: number, protectLevel?: number | string): void {
    switch (loss.kind) {
      case 'skipped': return this.#write('warn', sink, { component: 'lane', sink, skipped: lines }, 'sink skipped lines')
      case 'dropped': {
        const { reason, protectedLines } = loss
        const byClass = protectedLines === undefined ? {} : { protectLevel, droppedBelow: lines - protectedLines, droppedProtected: protectedLines }
        return this.#write('warn', sink, { component: 'lane', sink, dropped: lines, reason, ...byClass }, 'sink dropping lines')
      }
      case 'dead-lettered': return this.#write('warn', sink, { component: 'dead-letter', sink, deadLettered: lines, reason: loss.reason }, 'sink dead-lettered lines')
      case 'unnamed': return this.#write('warn', sink, { component: 'lane', sink, dropped: lines, reason: 'poison', answer: loss.reason }, 'sink dropping lines')
      case 'warned': return this.#write('warn', sink, { component: 'lane', sink, answer: loss.reason }, 'sink warned by its backend')
    }
  }

  /** The dead-letter file cannot be written. Dead letters are dropped until it can. */
  deadLetterTrouble (path: string, err: SerializedError): void {
    this.#write('warn', undefined, { component: 'dead-letter', path, [this.#config.errorKey ?? 'err']: err }, 'dead-letter file cannot be written')
  }

  /** Something has happened to the queue on disk of a sink. */
  spool (sink: string, news: SpoolNews): void {
    const about = { component: 'spool', sink }
    const errorKey = this.#config.errorKey ?? 'err'
    switch (news.kind) {
      case 'recovered': {
        const { recovered: { lines, bytes, cutBytes, unreadableSegments, cursor }, slot } = news
        const isWhole = unreadableSegments === 0 && cursor !== 'damaged'
        return this.#write(isWhole ? 'info' : 'warn', sink, { ...about, ...(slot !== undefined && { slot }), lines, bytes, cutBytes, unreadableSegments, cursor }, slot === undefined ? 'sink spool recovered' : 'sink spool adopted')
      }
      case 'recovering': return this.#write('info', sink, { ...about, lines: news.lines, segmentsLeft: news.segmentsLeft }, 'sink spool being counted')
      case 'hindered': {
        const { hindrance } = news
        const { kind: reason, ...why } = hindrance.kind === 'locked' ? hindrance : { kind: hindrance.kind, [errorKey]: serializeError(hindrance.error) }
        return this.#write('warn', sink, { ...about, reason, ...why }, 'sink spool unavailable')
      }
      case 'failed': {
        const { error, ...fault } = news.fault
        return this.#write('warn', sink, { ...about, ...fault, [errorKey]: serializeError(error) }, 'sink spool failed')
      }
      case 'overflowed': return this.#write('warn', sink, about, 'sink queue full, spooling')
      case 'replayed': return this.#write('info', sink, { ...about, lines: news.lines }, 'sink spool replayed')
    }
  }

  /** Somebody has set the lowest level of a sink, or of all that are not standby. */
  levelSet (sink: string | undefined, level: number | string): void {
    this.#write('info', sink, { component: 'control', sink, takes: level }, 'sink level set')
  }

  /** Somebody has had a sink reopened. */
  reopened (sink: string): void {
    this.#write('info', sink, { component: 'control', sink }, 'sink reopened')
  }

  /** A loss has records of its own, with its reason. */
  notice ({ sink, kind, facts }: Notice): void {
    if (kind !== 'losing-lines') this.#write('warn', sink, { component: 'notice', sink, notice: kind, ...facts }, NOTICE_MESSAGES[kind])
  }

  restarted (sink: string, reason: FailureReason, restarts: number): void {
    this.#write('info', sink, { component: 'supervisor', sink, reason, restarts }, 'sink restarted')
  }

  /** @param lastFailure - The last failure of the sink, if it has failed */
  undelivered (sink: string, lines: number, lastFailure: SinkFailure | undefined): void {
    const why = lastFailure === undefined ? {} : { reason: lastFailure.reason, [this.#config.errorKey ?? 'err']: lastFailure.err }
    this.#write('warn', sink, { component: 'lane', sink, lines, ...why }, 'sink lines undelivered at close')
  }

  /** The targets have ended, but a call of this sink hangs. The process cannot end before the call comes back. */
  holdsProcess (sink: string): void {
    this.#isForStderr = true
    this.#write('error', sink, { component: 'supervisor', sink }, 'sink holds the process: a call that it made has not come back')
    this.#isForStderr = false
  }

  monitorListening (address: string): void {
    this.#write('info', undefined, { component: 'monitor', address }, 'monitor listening')
  }

  /** The monitor cannot listen, or its server has had a fault. */
  monitorUnavailable (err: SerializedError): void {
    this.#write('warn', undefined, { component: 'monitor', [this.#config.errorKey ?? 'err']: err }, 'monitor not available')
  }

  /** A setting is valid, but has not the effect that its author probably meant. */
  warning (message: string): void {
    this.#write('warn', undefined, { component: 'options' }, message)
  }

  #write (severity: Severity, sink: string | undefined, fields: object, message: string): void {
    this.#about = sink
    try {
      this.#logger ??= this.#createLogger()
    } catch {
      // pino is loaded with its first use. A sink may have taken all file descriptors of the process by then, or its folder is gone.
      return this.#writeWithoutPino(severity, sink, fields, message)
    }
    ;(this.#logger as unknown as Record<Severity, (fields: object, message: string) => void>)[severity](fields, message)
  }

  /** Writes the record that pino would make. */
  #writeWithoutPino (severity: Severity, sink: string | undefined, fields: object, message: string): void {
    const { levelKey, usesLabels, write } = this.#deps
    const { minLevel, customLevels } = this.#levels()
    const level = customLevels[severity] as number
    if (level < minLevel) return
    const line = `${JSON.stringify({ [levelKey]: usesLabels() ? severity : level, time: Date.now(), pid: process.pid, hostname: hostname(), name: NAME, ...fields, [this.#messageKey]: message })}\n`
    write({ line, level, sink, isForStderr: this.#isForStderr })
  }

  get #messageKey (): string {
    return this.#config.messageKey ?? 'msg'
  }

  /** The levels of the app's logger, and the lowest level of a record. */
  #levels (): { customLevels: Record<string, number>, minLevel: number } {
    const customLevels = { ...standardLevels, ...this.#config.levels?.values }
    const levels = new LevelNames(customLevels, this.#deps.levels)
    return { customLevels, minLevel: (levels.valueOf(this.#deps.level) ?? levels.valueOf('info')) as number }
  }

  #createLogger (): Logger<string> {
    const { levelKey, usesLabels, write } = this.#deps
    const { customLevels, minLevel } = this.#levels()
    const destination = {
      // Before each line, pino sets `lastLevel` on a stream that has this symbol.
      [Symbol.for('pino.metadata')]: true,
      lastLevel: 0,
      write: (line: string): void => write({ line, level: destination.lastLevel, sink: this.#about, isForStderr: this.#isForStderr })
    }
    return pino({
      name: NAME,
      level: labelFor(minLevel, customLevels),
      useOnlyCustomLevels: true,
      customLevels,
      messageKey: this.#messageKey,
      errorKey: this.#config.errorKey ?? 'err',
      // Errors are plain data here already. Pino's serializer would give them the class Object.
      serializers: { [this.#config.errorKey ?? 'err']: (err: unknown) => err },
      formatters: { level: (label, number) => ({ [levelKey]: usesLabels() ? label : number }) }
    }, destination)
  }
}

/** The label of the lowest level that is not below this number: a pino logger takes labels only. */
function labelFor (level: number, levels: Record<string, number>): string {
  const admitted = Object.entries(levels).filter(([, value]) => value >= level).sort(([, a], [, b]) => a - b)
  return admitted[0]?.[0] ?? 'silent'
}
