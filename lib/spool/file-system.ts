/** A file that is open, for reading and, unless it was opened to `read`, for writing. */
export interface OpenFile {
  size (): Promise<number>
  /** @returns how many bytes were read; fewer than there is room for does not mean that the file ends there, 0 does */
  read (into: Buffer, position: number): Promise<number>
  /** @returns how many bytes were written, which may be fewer than were given */
  write (bytes: Buffer, position: number): Promise<number>
  truncate (length: number): Promise<void>
  /** Settles when what was written would survive a power cut. */
  sync (): Promise<void>
  close (): Promise<void>
}

/**
 * The few calls by which a spool touches a disk, handed in so that tests can make them fail. Each rejects with an error
 * that bears the system's code.
 */
export interface FileSystem {
  /** Makes a folder that only its owner can enter, and those above it, where they are missing. */
  makeFolder (path: string): Promise<void>
  /** The names in a folder, in no order. */
  list (path: string): Promise<string[]>
  /** Makes a file that only its owner can read; fails with `EEXIST` where there is one already. */
  create (path: string): Promise<OpenFile>
  /** How many bytes a file has. */
  size (path: string): Promise<number>
  /** A text that differs between two files, or folders, that had the same path at different times. */
  identityOf (path: string): Promise<string>
  open (path: string, access: 'read' | 'change'): Promise<OpenFile>
  /** Replaces what has the new name. */
  rename (from: string, to: string): Promise<void>
  remove (path: string): Promise<void>
  /** Removes a folder that is empty; fails with `ENOTEMPTY` if it is not. */
  removeFolder (path: string): Promise<void>
  /** Settles when what was created, renamed and removed in a folder would survive a power cut. */
  syncFolder (path: string): Promise<void>
}
