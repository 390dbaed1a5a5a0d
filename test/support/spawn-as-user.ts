import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'

/** Starts a process as a user would: with this process's environment, except for what the test runner has added. */
export function spawnAsUser (command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  // tap preloads itself into every spawned process, and into each of its threads, by an environment variable. It adds that
  // variable last, so only another program can remove it.
  return spawn('env', ['-u', 'NODE_OPTIONS', command, ...args], { ...options, env: userEnvironment(options.env ?? process.env) })
}

function userEnvironment (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(_?TAP|PINO_BREAKER_FANOUT_)/.test(name)))
}
