import { didYouMean } from './nearest.js'

/** The message for a level that does not exist. It lists the labels that do. */
export function unknownLevel (level: number | string, labels: readonly string[]): string {
  return `there is no level "${level}", expected a number or one of ${labels.join(', ')}${suggestionFor(String(level), labels)}`
}

function suggestionFor (level: string, labels: readonly string[]): string {
  if (/^-?\d+$/.test(level)) return `; did you mean the number ${level}?`
  // Other loggers have longer or shorter words for the same level: `warning`, `err`.
  const word = level.toLowerCase()
  const kin = labels.find(label => word.startsWith(label.toLowerCase()) || (word !== '' && label.toLowerCase().startsWith(word)))
  return kin === undefined ? didYouMean(level, labels) : `; did you mean "${kin}"?`
}
