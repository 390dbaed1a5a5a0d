import { existsSync } from 'node:fs'
import { hostPath } from './host-path.js'

/** The main script of a sink's thread, as `new Worker()` takes it. */
export interface HostScript {
  /** The path of a file, or the source itself. */
  readonly script: string
  /** True if the script is the source itself. */
  readonly eval: boolean
}

/** True in a bundle: the files that are published beside this module are not there. */
export const isBundled = !existsSync(hostPath)

let source: string | undefined

/** Loads the source of the thread host, if that is what threads will run. Call it before the first thread is started. */
export async function prepareHostScript (): Promise<void> {
  if (isBundled) ({ source } = await import('./host-source.js'))
}

/** The script for a new thread: the published file or, in a bundle, its source. Bundlers include that as they do any module. */
export function hostScript (): HostScript {
  return source === undefined ? { script: hostPath, eval: false } : { script: source, eval: true }
}
