import type { CircuitState, TransitionEvent } from './messages.js'

/** A time in one state. */
export interface Span {
  readonly state: CircuitState
  readonly from: number
  readonly to: number
}

/** What is known of a sink's past. */
export interface StateHistory {
  /** The time that is asked for. */
  readonly from: number
  readonly to: number
  /** When the transport started. Before that there is no state. */
  readonly startedAt: number
  readonly state: CircuitState
  readonly stateSince: number
  /** Transitions of this sink, oldest first. */
  readonly transitions: readonly TransitionEvent[]
}

/** The states of a sink one after another, as far as they are known. A state shorter than the clock can tell is left out. */
export function spansOf ({ from, to, startedAt, state, stateSince, transitions }: StateHistory): Span[] {
  const begin = Math.max(from, startedAt)
  const last = transitions.at(-1)
  // Without its transitions only the present state is known, since it was entered.
  if (last === undefined) return clip([{ state, from: stateSince, to }], begin, to)
  const spans: Span[] = [{ state: (transitions[0] as TransitionEvent).from, from: begin, to: (transitions[0] as TransitionEvent).time }]
  for (const [i, event] of transitions.entries()) spans.push({ state: event.to, from: event.time, to: transitions[i + 1]?.time ?? to })
  return clip(spans, begin, to)
}

function clip (spans: readonly Span[], begin: number, end: number): Span[] {
  return spans.map(({ state, from, to }) => ({ state, from: Math.max(from, begin), to: Math.min(to, end) })).filter(({ from, to }) => to > from)
}

/**
 * When the present outage began: the breaker may have probed in vain since. `undefined` if it is closed.
 *
 * @param transitions - Of this sink, oldest first
 */
export function outageSince ({ state, stateSince, transitions }: Pick<StateHistory, 'state' | 'stateSince' | 'transitions'>): number | undefined {
  if (state === 'closed') return undefined
  const last = transitions.at(-1)
  return last === undefined || last.to === 'closed' ? stateSince : last.time - last.openForMs
}

/** Times on whole steps in a window, for the marks of an axis. */
export function ticksOf (from: number, to: number, stepMs: number): number[] {
  const ticks: number[] = []
  for (let time = Math.ceil(from / stepMs) * stepMs; time <= to; time += stepMs) ticks.push(time)
  return ticks
}
