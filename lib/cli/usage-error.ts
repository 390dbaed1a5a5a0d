/** A call that cannot be carried out as it stands: the message says what is wrong, where, and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A live process has the folder that is to be replayed. */
export class InUseError extends UsageError {
  constructor (folder: string, pid: number) {
    super(`${folder}: is in use by process ${pid}`)
  }
}
