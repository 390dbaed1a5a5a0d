import { workerData } from 'node:worker_threads'
import type { FanoutStream } from './fanout.js'

/** The `workerData` of pino's own worker thread. */
interface PinoWork {
  targets?: ReadonlyArray<{ options?: unknown }>
  pipelines?: ReadonlyArray<ReadonlyArray<{ options?: unknown }>>
}

/**
 * True for the options with which pino itself loads a sink as a target. It adds `$context` to those of a single target, and passes on
 * those of `targets` and `pipelines` as they came to its thread.
 */
export function isForPino (options: unknown): options is object {
  if (typeof options !== 'object' || options === null) return false
  if ('$context' in options) return true
  const { targets, pipelines } = ((workerData as { workerData?: PinoWork } | null)?.workerData ?? {})
  return [...listOf(targets), ...listOf(pipelines).flatMap(listOf)].some(entry => (entry as { options?: unknown } | null)?.options === options)
}

/**
 * Opens a transport whose only target is a sink of this package.
 *
 * @param parse - Throws for faulty options, with the paths that the user knows: the transport would report them below `targets[0].options`
 */
export async function openTransport (name: 'http' | 'nats', options: object, parse: (own: unknown) => unknown): Promise<FanoutStream> {
  const { $context, pinoWillSendConfig, ...own } = options as Record<string, unknown>
  parse(own)
  const { default: fanout } = await import('./fanout.js')
  return await fanout({ targets: [{ name, target: `pino-breaker-fanout/${name}`, options: own }], ...pinoWillSendConfig === true && { pinoWillSendConfig } } as Parameters<typeof fanout>[0])
}

function listOf (value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
