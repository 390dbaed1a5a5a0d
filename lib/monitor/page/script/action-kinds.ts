/** An action as the page offers it. */
export interface ActionKind {
  /** On the button that opens the question. */
  readonly label: string
  /** What will happen, in a sentence. */
  question (sink: string): string
  /** On the button that does it. */
  readonly verb: string
  /** What was done. */
  done (sink: string): string
  /** True if a level is asked for. */
  readonly asksLevel?: boolean
  /** Where it is sent to. */
  path (sink: string): string
}

const sinkPath = (action: string) => (sink: string): string => `sinks/${encodeURIComponent(sink)}/${action}`

/** Actions on one sink, as their buttons stand. */
export const sinkActions: readonly ActionKind[] = [
  {
    label: 'Open',
    question: sink => `No more lines will be sent to ${sink}. Its breaker opens as if it had tripped now, and probes again after its usual recovery time. Until then its option whenOpen decides about its lines.`,
    verb: 'Open the breaker',
    done: sink => `The breaker of ${sink} was opened.`,
    path: sinkPath('open')
  },
  {
    label: 'Close',
    question: sink => `Lines will be sent to ${sink} again, without a probe before, beginning with those that wait. If it still fails, its breaker opens again.`,
    verb: 'Close the breaker',
    done: sink => `The breaker of ${sink} was closed.`,
    path: sinkPath('close')
  },
  {
    label: 'Reset',
    question: sink => `The breaker of ${sink} will be closed, and its failures in a row count from zero again.`,
    verb: 'Reset the breaker',
    done: sink => `The breaker of ${sink} was reset.`,
    path: sinkPath('reset')
  },
  {
    label: 'Probe now',
    question: sink => `A few lines will be sent to ${sink} now, without waiting for the recovery time. If they arrive, its breaker closes, and all lines that wait in memory or in the spool follow.`,
    verb: 'Probe now',
    done: sink => `${sink} is being probed.`,
    path: sinkPath('replay')
  },
  {
    label: 'Reopen',
    question: sink => `${sink} will be ended in good order and started again: a file is opened by its name again. Lines wait meanwhile, and none is lost.`,
    verb: 'Reopen the sink',
    done: sink => `${sink} was reopened.`,
    path: sinkPath('reopen')
  },
  {
    label: 'Level…',
    question: sink => `From now on ${sink} will take only lines of this level and above, until the app starts again. Lines below the level of the app's own logger never come.`,
    verb: 'Set the level',
    done: sink => `The level of ${sink} was set.`,
    asksLevel: true,
    path: sinkPath('level')
  }
]

/** Actions on all sinks. */
export const commonActions: readonly ActionKind[] = [
  {
    label: 'Reopen files',
    question: () => 'All targets that write to a file will open it by its name again, as after a rotation that has renamed it. No line is lost.',
    verb: 'Reopen the files',
    done: () => 'The files were reopened.',
    path: () => 'reopen'
  },
  {
    label: 'Level of all…',
    question: () => "From now on every sink that is not standby will take only lines of this level and above, until the app starts again. Lines below the level of the app's own logger never come.",
    verb: 'Set the level of all',
    done: () => 'The level of all sinks was set.',
    asksLevel: true,
    path: () => 'level'
  }
]
