const ESCAPES = /["\\\x00-\x1f\ud800-\udfff]/

/** Whether `JSON.stringify` may write the text otherwise than it is. Most pieces of an answer it does not. */
export function needsEscapes(text: string): boolean {
  return ESCAPES.test(text)
}

/** What `JSON.stringify` writes between the quotes. To find out that nothing needs an escape costs less than half of it. */
export function escaped(text: string): string {
  return needsEscapes(text) ? JSON.stringify(text).slice(1, -1) : text
}
