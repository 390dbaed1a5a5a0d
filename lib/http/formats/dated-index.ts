const PLACEHOLDER = /\{date(?::([^{}]+))?\}/g
const DEFAULT_FORM = 'YYYY-MM-DD'
/** No form has a unit smaller than an hour. */
const SECONDS_AN_HOUR = 3600

/** True for an index whose only braces are those of `{date}`, or of `{date:…}` with at least one of YYYY, MM, DD and HH. */
export function isIndexPattern (index: string): boolean {
  const forms = Array.from(index.matchAll(PLACEHOLDER), ([, form = DEFAULT_FORM]) => form)
  return forms.every(form => /YYYY|MM|DD|HH/.test(form)) && !/[{}]/.test(index.replace(PLACEHOLDER, ''))
}

/**
 * Creates a function that returns the index for a time, in nanoseconds since the epoch. Times in UTC take the place of `{date}`
 * and `{date:YYYY.MM.DD}`. Lines of the same hour share one text.
 */
export function createDatedIndex (index: string): (timeNs: string) => string {
  if (!index.includes('{date')) return () => index
  let hour = NaN
  let dated = ''
  return timeNs => {
    const seconds = Number(timeNs.slice(0, -9))
    if (Math.floor(seconds / SECONDS_AN_HOUR) === hour) return dated
    hour = Math.floor(seconds / SECONDS_AN_HOUR)
    const [, YYYY = '', MM = '', DD = '', HH = ''] = /^(\d+)-(\d\d)-(\d\d)T(\d\d)/.exec(new Date(seconds * 1000).toISOString()) ?? []
    const units: Readonly<Record<string, string>> = { YYYY, MM, DD, HH }
    dated = index.replace(PLACEHOLDER, (_, form: string = DEFAULT_FORM) => form.replace(/YYYY|MM|DD|HH/g, unit => units[unit] as string))
    return dated
  }
}
