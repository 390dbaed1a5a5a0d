import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** Counts the numbered lines that have come to a file: how many of 1 … `logged` are there, are missing, are there twice. */
export async function countLines (file, logged) {
  const seen = new Set()
  let duplicates = 0
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const line = numberOf(text)
    if (line === undefined) continue
    if (seen.has(line)) duplicates++
    seen.add(line)
  }
  let missing = 0
  for (let line = 1; line <= logged; line++) if (!seen.has(line)) missing++
  return { arrived: seen.size, missing, duplicates }
}

function numberOf (text) {
  try {
    return JSON.parse(text).line
  } catch {
    // The rest of a line whose writer was killed; it has been sent again.
    return undefined
  }
}
