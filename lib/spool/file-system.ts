/** An open file. It can be written to unless it was opened with `read` access. */
export interface OpenFile {
  size (): Promise<number>
  /** @returns how many bytes were read. 0 means the end of the file; fewer than `into` has room for does not. */
  read (into: Buffer, position: number): Promise<number>
  /** @returns how many bytes were written, which may be fewer than given */
  write (bytes: Buffer, position: number): Promise<number>
  truncate (length: number): Promise<void>
  /** Settles once everything that was written would survive a power cut. */
  sync (): Promise<void>
  close (): Promise<void>
}

/**
 * All calls that a spool makes to a disk. They are injected so that tests can make them fail. Each rejects with an error
 * that has the system's `code`.
 */
export interface FileSystem {
  /** Creates a folder that only its owner can enter, and its parent folders. Existing folders stay as they are. */
  makeFolder (path: string): Promise<void>
  /** The names in a folder, in no particular order. */
  list (path: string): Promise<string[]>
  /** Creates a file that only its owner can read; fails with `EEXIST` if the file exists. */
  create (path: string): Promise<OpenFile>
  /** The size of a file in bytes. */
  size (path: string): Promise<number>
  /** How far the time of a file's last change is from now, in ms: also if a clock was set back since. */
  ageMs (path: string): Promise<number>
  /** Sets the time of a file's last change to now. */
  touch (path: string): Promise<void>
  /** Identifies the file or folder itself: the text changes when another one takes over its path. */
  identityOf (path: string): Promise<string>
  open (path: string, access: 'read' | 'change'): Promise<OpenFile>
  /** Replaces a file that already has the new name. */
  rename (from: string, to: string): Promise<void>
  remove (path: string): Promise<void>
  /** Removes an empty folder; fails with `ENOTEMPTY` if it is not empty. */
  removeFolder (path: string): Promise<void>
  /** Settles once all creations, renames and removals in a folder would survive a power cut. */
  syncFolder (path: string): Promise<void>
}
