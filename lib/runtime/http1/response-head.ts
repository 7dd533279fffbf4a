import { emptyHeaders, type HeaderRecord } from '../../pdk/headers.js'
import { KnownNames } from '../../pdk/known-names.js'
import { MessageFault } from './message-fault.js'
import { LENGTH, TOKEN } from './syntax.js'

/** How long a body is (RFC 9112 §6.3): its bytes, chunks, or all that comes until the connection ends. */
export type Framing = number | 'chunked' | 'until-close'

/** Status line and headers of an answer. */
export interface ResponseHead {
  readonly status: number
  readonly headers: HeaderRecord
  readonly framing: Framing
  /** The server keeps the connection for another request (RFC 9112 §9.3). */
  readonly persistent: boolean
}

export const NO_STATUS_LINE = 'the answer has no status line of HTTP/1.1'

/** RFC 9112 §4. The space before an empty reason is often left out. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/

/** Control characters but HTAB and line ends. One look at a whole head: as one class of what may be there it is a quick one. */
const ILLEGAL = /[^\t\r\n\x20-\x7e\x80-\xff]/

const SPACE = 0x20
const HTAB = 0x09

/**
 * A hot path: once an answer. Refuses whatever somebody between here and the server could read otherwise: obsolete line
 * folding, blanks before a colon, two lengths, a length beside a transfer coding, codings but `chunked`.
 *
 * @param text all before the blank line, as latin1
 * @param method of the request
 * @throws MessageFault
 */
export function parseHead(text: string, method: string): ResponseHead {
  const lineEnd = text.indexOf('\r\n')
  const statusLine = STATUS_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd))
  if (!statusLine) throw new MessageFault(NO_STATUS_LINE)
  const headers = emptyHeaders()
  if (lineEnd < 0) checkCharacters(text)
  else parseFields(text, lineEnd + 2, headers)
  const isOld = statusLine[1] === '0'
  const status = Number(statusLine[2])
  const framing = framingOf(status, headers, isOld, method)
  const isClear = framing !== 'until-close' && !(status === 204 && promisesBody(headers))
  const persistent = isClear && isPersistent(headers['connection'], isOld)
  return { status, headers, framing, persistent }
}

/**
 * Header or trailer lines.
 *
 * @throws MessageFault
 */
export function parseFields(text: string, from: number, headers: HeaderRecord): void {
  checkCharacters(text)
  for (let at = from; at < text.length;) {
    const next = text.indexOf('\r', at)
    const lineEnd = next < 0 ? text.length : next
    // CR and LF only as a pair.
    if (text.indexOf('\n', at) !== (next < 0 ? -1 : next + 1)) throw new MessageFault(CONTROL_CHARACTERS)
    const colon = text.indexOf(':', at)
    const name = names.get(colon < 0 ? '' : text.slice(at, colon))
    let start = colon + 1
    let end = lineEnd
    while (start < end && isBlank(text.charCodeAt(start))) start++
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--
    addField(headers, name, text.slice(start, end))
    at = lineEnd + 2
  }
}

function checkCharacters(text: string): void {
  if (ILLEGAL.test(text)) throw new MessageFault(CONTROL_CHARACTERS)
}

const CONTROL_CHARACTERS = 'the answer has control characters in its headers'

const names = new KnownNames((written) => {
  // Not valid is also no name: a folded line, a blank before the colon, and a line without one.
  if (!TOKEN.test(written)) throw new MessageFault('the answer has a header without a valid name')
  return written.toLowerCase()
})

function isBlank(code: number): boolean {
  return code === SPACE || code === HTAB
}

/** In place: a server may repeat a name thousands of times. */
function addField(headers: HeaderRecord, name: string, value: string): void {
  const present = headers[name]
  if (present === undefined) headers[name] = value
  else if (typeof present === 'string') headers[name] = [present, value]
  else present.push(value)
}

/** RFC 9112 §6.3, where it leaves a choice the strict one. */
function framingOf(status: number, headers: HeaderRecord, isOld: boolean, method: string): Framing {
  if (status === 101) throw new MessageFault('the answer goes over to a protocol that nobody asked for')
  const coding = headers['transfer-encoding']
  const length = headers['content-length']
  if (coding !== undefined) {
    if (length !== undefined) throw new MessageFault('the answer has both a length and a transfer coding')
    // Of a server that cannot know it, or of one before whom a proxy of its age may stand (§6.1).
    if (isOld) throw new MessageFault('the answer of HTTP/1.0 has a transfer coding')
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked') {
      throw new MessageFault('the answer has a transfer coding that is not chunked')
    }
  }
  if (length !== undefined && (typeof length !== 'string' || !LENGTH.test(length))) {
    throw new MessageFault('the answer has a length that is not one number')
  }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  if (coding !== undefined) return 'chunked'
  return length === undefined ? 'until-close' : Number(length)
}

/** A server that says so in an answer without one (RFC 9110 §8.6) may send it, too: the next answer would begin with it. */
function promisesBody(headers: HeaderRecord): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i

function isPersistent(connection: string | string[] | undefined, isOld: boolean): boolean {
  if (connection === undefined) return !isOld
  if (connection === 'keep-alive') return true
  const options = String(connection)
  return !CLOSE.test(options) && (!isOld || KEEP_ALIVE.test(options))
}
