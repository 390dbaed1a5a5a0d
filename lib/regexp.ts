/** The source of a regular expression that matches just this text. */
export function sourceOf (text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
