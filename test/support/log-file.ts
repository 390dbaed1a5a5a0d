import { readFileSync } from 'node:fs'

/** A diagnostic record of the transport in a log file, next to the app's own lines. */
export interface DiagnosticRecord {
  readonly level: number
  readonly component: string
  readonly msg: string
  readonly sink?: string
  readonly reason?: string
}

/** The `id`s of the app's lines in a log file, in order, and the diagnostics among them. */
export function readLogFile (path: string): { ids: number[], diagnostics: DiagnosticRecord[] } {
  const ids: number[] = []
  const diagnostics: DiagnosticRecord[] = []
  for (const line of readText(path).split('\n')) {
    if (line === '') continue
    const record = JSON.parse(line) as { name: string, id: number }
    if (record.name === 'pino-breaker-fanout') diagnostics.push(record as unknown as DiagnosticRecord)
    else ids.push(record.id)
  }
  return { ids, diagnostics }
}

function readText (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
