import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { isObject, parseJson } from '../../lib/llm/json.js'
import { flooded } from './flood.js'

/** What one request is to be like. */
export interface Ask {
  readonly url: string
  readonly model: string
  readonly stream: boolean
  /** After so many events the client goes away; 0: before the first. Absent: it stays. */
  readonly leaveAfter?: number
}

export interface Seen {
  text: string
  /** Ends of the stream: `[DONE]` and error events. */
  ends: number
  failed: boolean
  /** What the error said, if it failed. */
  error?: string
  left: boolean
}

/** Asks as an OpenAI client does. @throws Error where the answer is in no shape at all */
export async function ask({ url, model, stream, leaveAfter }: Ask): Promise<Seen> {
  const left = new AbortController()
  const seen: Seen = { text: '', ends: 0, failed: false, left: false }
  try {
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hi' }] }),
      signal: left.signal,
    })
    if (!stream || statusCode !== 200) return readWhole(statusCode, await body.text(), seen)
    let rest = ''
    let events = 0
    for await (const piece of body.setEncoding('utf8')) {
      rest += piece as string
      const complete = rest.split('\n\n')
      rest = complete.pop()!
      for (const event of complete) readEvent(event, seen)
      events += complete.length
      if (leaveAfter !== undefined && events >= leaveAfter) left.abort()
    }
    if (rest !== '') throw new Error(`a stream ended inside an event: ${rest}`)
  } catch (error) {
    if (!left.signal.aborted) throw error
    seen.left = true
  }
  return seen
}

/** So much is read between two rests. Bytes. */
const SIP = 1024 * 1024

/**
 * Reads a flood as somebody who cannot keep up.
 *
 * @returns what is wrong with the stream
 */
export async function sip(url: string, events: number): Promise<string | undefined> {
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
  })
  if (statusCode !== 200) return `a flood with ${statusCode}: ${await body.text()}`
  const seen: Seen = { text: '', ends: 0, failed: false, left: false }
  let rest = ''
  let read = 0
  let number = 0
  for await (const piece of body.setEncoding('utf8')) {
    read += (piece as string).length
    const complete = (rest + (piece as string)).split('\n\n')
    rest = complete.pop()!
    for (const event of complete) {
      seen.text = ''
      readEvent(event, seen)
      if (seen.text === '') continue
      if (seen.text !== flooded(number)) return `event ${number} of a flood is ${seen.text.slice(0, 20)}`
      number++
    }
    if (read < SIP) continue
    read = 0
    await sleep(250)
  }
  if (seen.failed || seen.ends !== 1) return `a flood with ${seen.ends} ends, failed: ${seen.failed}`
  return number === events + 1 ? undefined : `${number} events of a flood`
}

function readWhole(status: number, text: string, seen: Seen): Seen {
  const body = parseJson(text)
  if (!isObject(body)) throw new Error(`no answer: ${status} ${text}`)
  seen.failed = status !== 200
  seen.ends = 1
  if (!seen.failed) seen.text = contentOf(body, 'message')
  else if (!isObject(body.error)) throw new Error(`no error: ${status} ${text}`)
  else seen.error = `${status} ${JSON.stringify(body.error)}`
  return seen
}

function readEvent(event: string, seen: Seen): void {
  const data = event.startsWith('data: ') ? event.slice('data: '.length) : undefined
  if (data === undefined) return
  if (data === '[DONE]') {
    seen.ends++
    return
  }
  const chunk = parseJson(data)
  if (!isObject(chunk)) throw new Error(`an event that is no JSON: ${event}`)
  if (isObject(chunk.error)) {
    seen.ends++
    seen.failed = true
    seen.error = JSON.stringify(chunk.error)
  } else {
    seen.text += contentOf(chunk, 'delta')
  }
}

function contentOf({ choices }: { choices?: unknown }, part: 'delta' | 'message'): string {
  const [choice] = Array.isArray(choices) ? (choices as unknown[]) : []
  const said = isObject(choice) ? choice[part] : undefined
  return isObject(said) && typeof said.content === 'string' ? said.content : ''
}
