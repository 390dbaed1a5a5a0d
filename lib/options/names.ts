import { basename, dirname, extname } from 'node:path'
import { isPath, isRelative } from '../paths.js'
import { reservedNames } from './defaults.js'
import type { Faults } from './faults.js'

/** The fields of a target that decide about its name. */
interface Named {
  name?: string
  target?: string
  pipeline?: ReadonlyArray<{ target: string }>
}

/**
 * The names of all targets, in their order; a target that is not an object is `undefined`. Given names go first, so that
 * no derived name takes one of them. A derived name that is taken gets `-2`, `-3`, ….
 */
export function nameTargets (targets: ReadonlyArray<Named | undefined>, faults: Faults): string[] {
  const given = new Map<string, number>()
  for (const [index, target] of targets.entries()) {
    const name = target?.name
    if (name === undefined) continue
    const path = `targets[${index}].name`
    const owner = given.get(name)
    if (reservedNames.includes(name)) faults.add(path, `"${name}" is reserved`)
    else if (owner !== undefined) faults.add(path, `"${name}" is the name of targets[${owner}] too`)
    else given.set(name, index)
  }

  const taken = new Set([...given.keys(), ...reservedNames])
  return targets.map(target => target?.name ?? claim(deriveName(target?.target ?? target?.pipeline?.at(-1)?.target), taken))
}

function claim (name: string, taken: Set<string>): string {
  let free = name
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`
  taken.add(free)
  return free
}

/** `pino/file` → `file`; a package → its name; a file → its name without the extension; an index file → the name of its folder. */
function deriveName (target: string | undefined): string {
  if (target === undefined) return 'target'
  if (target === 'pino/file') return 'file'
  if (!isPath(target) && !isRelative(target)) return target
  const path = target.replace(/\\/g, '/').replace(/[?#].*$/, '')
  const name = basename(path, extname(path))
  return (name === 'index' ? basename(dirname(path)) : name) || 'target'
}
