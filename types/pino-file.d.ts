declare module 'pino/file' {
  /** pino's target that writes to a file. It has no types of its own. */
  const createFileStream: (options: unknown) => unknown
  export default createFileStream
}
