/**
 * Why no credential could be had. Its message is in our own words and never quotes an answer, a file, a request or
 * another error, any of which may hold a secret; for the same reason it has no `cause`.
 */
export class CredentialError extends Error {
  override readonly name = 'CredentialError'
}

/** What may be said of an error of somebody else's: its code or name, where that is one plain word. */
export function errorKind(error: unknown): string {
  const { code, name } = error instanceof Error ? (error as NodeJS.ErrnoException) : {}
  for (const word of [code, name]) {
    if (typeof word === 'string' && /^[A-Za-z_]{1,60}$/.test(word)) return word
  }
  return 'unknown error'
}
