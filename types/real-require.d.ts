declare module 'real-require' {
  /** `import()` that no compiler turns into `require()`. */
  export function realImport (modulePath: string): Promise<unknown>
  /** `require()` that no bundler replaces. */
  export function realRequire (modulePath: string): unknown
}
