import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'

/** Starts a process as a user would: with the environment of this one, but without what the test runner has put there. */
export function spawnAsUser (command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  // tap preloads itself into every process that is spawned, and so into each of its threads, by an environment variable
  // that it adds last of all: only another program can take it out again.
  return spawn('env', ['-u', 'NODE_OPTIONS', command, ...args], { ...options, env: userEnvironment(options.env ?? process.env) })
}

function userEnvironment (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(_?TAP|PINO_BREAKER_FANOUT_)/.test(name)))
}
