// Runs a command in a control group (cgroup) of its own, with a limit for its memory and for the files that the system keeps in
// memory for it.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const GROUP = `fanout-bench-${process.pid}`
const place = findPlace()

/** Whether this process may make such groups: on Linux, as root or with a group that was delegated to it. */
export const canLimitMemory = place !== undefined

/** The command, with at most this much memory. */
export function limitMemory ({ argv, env }, megabytes) {
  const { folder, limit } = place
  const script = `mkdir ${folder} && echo ${megabytes * 2 ** 20} > ${join(folder, limit)}
    (echo $BASHPID > ${join(folder, 'cgroup.procs')} && exec "$@"); code=$?
    rmdir ${folder}
    exit $code`
  return { argv: ['bash', '-c', script, 'bash', ...argv], env }
}

/** A group within the one of this process, by the first or the second version of cgroups; `undefined` if there can be none. */
function findPlace () {
  for (const [line, root, limit] of [[/:memory:(.*)$/m, '/sys/fs/cgroup/memory', 'memory.limit_in_bytes'], [/^0::(.*)$/m, '/sys/fs/cgroup', 'memory.max']]) {
    const own = existsSync('/proc/self/cgroup') ? line.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] : undefined
    if (own === undefined) continue
    const folder = join(root, own, GROUP)
    try {
      mkdirSync(folder)
      try {
        if (existsSync(join(folder, limit))) {
          writeFileSync(join(folder, limit), String(2 ** 30))
          return { folder, limit }
        }
      } finally {
        rmdirSync(folder)
      }
    } catch {
      // Not allowed here.
    }
  }
}
