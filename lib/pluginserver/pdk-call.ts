import { UNEXPECTED } from '../runtime/kong-answers.js'

/** A PDK call as it crosses the RPC: Kong makes it and comes back with its value. */
export interface PdkCall {
  readonly Method: string
  readonly Args: readonly unknown[]
}

/** After these Kong does not come back: the request has its answer. */
const EXITS = new Set(['kong.response.exit', 'kong.response.error'])

export function isExit(word: PdkCall | string): boolean {
  return typeof word !== 'string' && EXITS.has(word.Method)
}

/** What the client gets when a plugin fails, or is too slow. An error in its place would let the request pass. */
export const FAILED = jsonExit(500, UNEXPECTED)
export const EXPIRED = jsonExit(504, 'The upstream server is timing out')

/** The body goes as text: Kong would lose empty arrays and nulls of a table. */
function jsonExit(status: number, message: string): PdkCall {
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return { Method: 'kong.response.exit', Args: [status, JSON.stringify({ message }), headers] }
}
