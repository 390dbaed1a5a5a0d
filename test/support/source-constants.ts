import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { runInNewContext } from 'node:vm'

type Values = Readonly<Record<string, number>>

/** The numeric constants of TypeScript sources, `const BEAT_MS = 20`, read without running the sources. */
export class SourceConstants {
  /** By the path of the file, without its extension: `spool/writer`. */
  readonly #files = new Map<string, Values>()

  /** @param folder - Where the sources are; all of its files are read. */
  constructor (folder: string) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue
      const path = join(folder, name)
      this.#files.set(relative(folder, path).replaceAll(sep, '/').slice(0, -'.ts'.length), constantsOf(readFileSync(path, 'utf8')))
    }
  }

  /**
   * The value of a calculation with constants of one file: `RESERVE_MB / 2`.
   *
   * @param file - The end of the file's path, `writer` or `spool/writer`; may be left out if only one file has such constants
   * @throws Error if there are no such constants, or if they are in several files
   */
  valueOf (calculation: string, file: string | undefined): number {
    const names = calculation.match(/[A-Z][A-Z0-9_]*/g) ?? []
    const places = [...this.#files].filter(([path, values]) => (file === undefined || `/${path}`.endsWith(`/${file}`)) && names.every(name => name in values))
    const [place] = places
    if (place === undefined) throw new Error(`no file${file === undefined ? '' : ` ${file}`} has ${names.join(' and ')}`)
    if (places.length > 1) throw new Error(`${names.join(' and ')}: name one of the files ${places.map(([path]) => path).join(', ')}`)
    return runInNewContext(calculation, { ...place[1] })
  }
}

function constantsOf (source: string): Values {
  const values: Record<string, number> = {}
  for (const [, name, expression] of source.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*) = ([A-Z0-9_.*+/() -]+)$/gm)) {
    try {
      values[name as string] = runInNewContext(expression as string, { ...values })
    } catch {
      // It is made of something that another file has.
    }
  }
  return values
}
