import { readFileSync } from 'node:fs'
import type { Answer } from '../../lib/llm/answer.js'
import { isObject, type Json, type JsonObject } from '../../lib/llm/json.js'
import type { Cut } from './cuts.js'
import { object, objects, parseObject } from './json.js'

export function fixtureText(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8')
}

/** The payloads of a recorded stream: one a line. */
export function recordedChunks(path: string): JsonObject[] {
  return fixtureText(path).trimEnd().split('\n').map(parseObject)
}

/** The payloads as an event stream, as OpenAI frames it. */
export function sse(payloads: readonly (JsonObject | string)[], done = true): Buffer {
  const events = payloads.map((payload) =>
    typeof payload === 'string' ? payload : `data: ${JSON.stringify(payload)}\n\n`,
  )
  return Buffer.from(events.join('') + (done ? 'data: [DONE]\n\n' : ''))
}

/** A chunk with one choice. */
export function chunk(delta: JsonObject, finish: string | null = null, more: JsonObject = {}): JsonObject {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1700000000,
    model: 'gpt-x',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  }
}

/** Pushes the pieces through an answer, reading after each, as a body filter does. */
export function through(answer: Answer, cut: Cut): Buffer {
  const out: Buffer[] = []
  const read = () => {
    const bytes = answer.read()
    if (bytes !== undefined) out.push(bytes)
  }
  for (const bytes of cut) {
    answer.push(bytes)
    read()
  }
  answer.end()
  read()
  return Buffer.concat(out)
}

/** The data of a stream's events. Demands of each event that it ends with a blank line. */
export function eventsOf(bytes: Buffer): string[] {
  const text = bytes.toString('utf8')
  if (text !== '' && !text.endsWith('\n\n'))
    throw new Error(`the last event is not whole: ${text.slice(-80)}`)
  return text
    .split('\n\n')
    .slice(0, -1)
    .filter((event) => !event.startsWith(':'))
    .map((event) => {
      if (!event.startsWith('data: ')) throw new Error(`no event: ${event}`)
      return event.slice('data: '.length)
    })
}

export interface ClientView {
  chunks: JsonObject[]
  /** The `chat.completion` that the chunks add up to. */
  whole: JsonObject
  error: JsonObject | undefined
  done: boolean
}

/** Reads a stream as OpenAI's clients do, and adds its chunks up. */
export function readAsClient(bytes: Buffer): ClientView {
  const events = eventsOf(bytes)
  const done = events.at(-1) === '[DONE]'
  const payloads = (done ? events.slice(0, -1) : events).map(parseObject)
  const failed = payloads.filter((payload) => payload.error !== undefined)
  if (failed.length > 1 || (failed.length === 1 && payloads.at(-1) !== failed[0])) {
    throw new Error('something follows the error')
  }
  const chunks = payloads.filter((payload) => payload.error === undefined)
  return { chunks, whole: accumulate(chunks), error: failed.map(({ error }) => object(error))[0], done }
}

function accumulate(chunks: JsonObject[]): JsonObject {
  const choices: JsonObject[] = []
  let usage: Json | undefined
  for (const { choices: parts, usage: counted } of chunks) {
    if (isObject(counted)) usage = counted
    for (const part of objects(parts)) {
      const index = Number(part.index)
      choices[index] ??= {
        index,
        message: { content: null, refusal: null },
        logprobs: null,
        finish_reason: null,
      }
      const choice = choices[index]
      addDelta(object(choice.message), object(part.delta))
      if (isObject(part.logprobs)) {
        const earlier = isObject(choice.logprobs) ? objects(choice.logprobs.content) : []
        choice.logprobs = { content: [...earlier, ...objects(part.logprobs.content)], refusal: null }
      }
      choice.finish_reason = part.finish_reason ?? choice.finish_reason
    }
  }
  for (const { message } of choices) nullEmptyContent(object(message))
  const { choices: _, usage: __, ...identity } = chunks[0] ?? {}
  return { ...identity, object: 'chat.completion', choices, ...(usage === undefined ? {} : { usage }) }
}

function addDelta(message: JsonObject, delta: JsonObject): void {
  for (const [field, value] of Object.entries(delta)) {
    const present = message[field]
    if (field === 'tool_calls') addCalls(message, objects(value))
    else if (field === 'role') message.role = value
    else if (typeof value === 'string') message[field] = (typeof present === 'string' ? present : '') + value
    else if (Array.isArray(value)) message[field] = [...(Array.isArray(present) ? present : []), ...value]
  }
}

/** The value, which has to be text; nothing where there is none. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw new Error(`no text: ${JSON.stringify(value)}`)
}

/** A stream begins with empty content before anyone knows whether there will be any. */
function nullEmptyContent(message: JsonObject): void {
  const other = message.tool_calls !== undefined || message.refusal !== null
  if (message.content === '' && other) message.content = null
}

function addCalls(message: JsonObject, parts: JsonObject[]): void {
  message.tool_calls ??= []
  const calls = message.tool_calls as JsonObject[]
  for (const { index, function: details, ...rest } of parts) {
    const { name, arguments: args } = object(details)
    const call = (calls[Number(index)] ??= { ...rest, function: { name, arguments: '' } })
    object(call.function).arguments = textOf(object(call.function).arguments) + textOf(args)
  }
}
