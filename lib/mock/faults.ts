import { MockError } from './api.js'

/** What can go wrong in a stream. */
const FAULTS = [
  /** The connection is closed in the middle. */
  'cut',
  /** Nothing more comes, and no end. */
  'stall',
  /** The provider's own error event, and the end. */
  'overloaded',
  /** One frame that is not JSON. */
  'garbage',
  /** An end without finish reason, usage and terminator. */
  'no-finish',
  /** No usage, streamed or not. */
  'no-usage',
  /** Every byte is a write of its own. */
  'utf8split',
  /** Lines end in CR LF. */
  'crlf',
  /** Ten times slower. */
  'slow',
] as const

export interface Fault {
  name: (typeof FAULTS)[number]
  /** The number of events that go out before it strikes, where that matters. */
  after: number
}

const DEFAULT_AFTER = 3

/**
 * Reads `chaos/<fault>@<n>` out of a model's name; `@<n>` may be left out.
 *
 * @throws MockError 400 where it names a fault that there is not.
 */
export function faultOf(model: string): Fault | undefined {
  const match = /(?:^|\/)chaos\/([^/@]*)(?:@(\d+))?$/.exec(model)
  if (!match) return undefined
  const [, name = '', after] = match
  if (!isFault(name)) {
    throw new MockError(400, `unknown fault '${name}': there are ${FAULTS.join(', ')}`, 'model')
  }
  return { name, after: after === undefined ? DEFAULT_AFTER : Number(after) }
}

/** The error status that a model's name asks for: `error/<status>`. */
export function errorOf(model: string): number | undefined {
  const status = /(?:^|\/)error\/([45]\d\d)$/.exec(model)?.[1]
  return status === undefined ? undefined : Number(status)
}

function isFault(name: string): name is Fault['name'] {
  return (FAULTS as readonly string[]).includes(name)
}
