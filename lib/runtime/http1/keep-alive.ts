/** Where the server says nothing: below the five seconds of Node's own servers. Milliseconds. */
const DEFAULT = 4000
/**
 * Before the server closes it, so that no request crosses its end: with one second some did between processes that had to wait
 * for a core.
 */
const MARGIN = 2000
const MAX = 600_000

/**
 * How long a connection is kept without a request.
 *
 * @param header the answer's `Keep-Alive` (RFC 2068 §19.7.1): `timeout=5, max=100`
 * @returns milliseconds, 0 if it is not kept
 */
export function keepAliveTime(header: string | string[] | undefined): number {
  if (header === undefined) return DEFAULT
  if (header === last.header) return last.time
  const time = timeOf(header)
  last = { header, time }
  return time
}

/** Servers say the same with each answer. */
let last: { header: string | string[]; time: number } = { header: '', time: DEFAULT }

function timeOf(header: string | string[]): number {
  const seconds = /(?:^|[\s,])timeout\s*=\s*"?(\d+)/i.exec(String(header))?.[1]
  if (seconds === undefined) return DEFAULT
  return Math.min(Math.max(Number(seconds) * 1000 - MARGIN, 0), MAX)
}
