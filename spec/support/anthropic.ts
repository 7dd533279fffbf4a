import { readFileSync } from 'node:fs'
import { anthropic } from '../../lib/llm/drivers/anthropic/index.js'
import type { ChatRequest } from '../../lib/llm/chat.js'
import type { ProviderRequest, Target } from '../../lib/llm/driver.js'
import { ChatWholeSink } from '../../lib/llm/formats/chat-whole.js'
import type { Frame } from '../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../lib/llm/json.js'
import { parseObject } from './json.js'
import { RecordingSink } from './recording-sink.js'

const FIXTURES = new URL('../fixtures/', import.meta.url)

export function fixture(path: string): string {
  return readFileSync(new URL(path, FIXTURES), 'utf8')
}

export function fixtureJson(path: string): JsonObject {
  return parseObject(fixture(path))
}

/** A frame as the API sends it: the event's name stands in both places. */
export function frameOf(event: JsonObject): Frame {
  return { event: typeof event.type === 'string' ? event.type : '', data: JSON.stringify(event) }
}

/** The frames of a recorded stream. */
export function recordedFrames(name: string): Frame[] {
  const lines = fixture(`recorded/anthropic/${name}.chunks.txt`).trimEnd().split('\n')
  return lines.map((line) => frameOf(parseObject(line)))
}

/** What the translator says of the frames; with `end`, of the body's end as well. */
export function streamed(frames: Frame[], end = true): RecordingSink {
  const sink = new RecordingSink()
  const translator = anthropic.stream(sink)
  for (const frame of frames) translator.frame(frame)
  if (end) translator.end()
  return sink
}

/** The stream as the one body that it adds up to. */
export function accumulated(frames: Frame[]): JsonObject {
  const sink = new ChatWholeSink({ model: 'requested' })
  const translator = anthropic.stream(sink)
  for (const frame of frames) translator.frame(frame)
  translator.end()
  return timeless(sink.body())
}

/** A whole answer as the client gets it. */
export function answered(body: unknown): JsonObject {
  const sink = new ChatWholeSink({ model: 'requested' })
  anthropic.response(body, sink)
  return timeless(sink.body())
}

function timeless(body: JsonObject): JsonObject {
  return { ...body, created: 0 }
}

/** The request to the provider, with one user message unless the test brings its own. */
export function requested(chat: Partial<ChatRequest>, target: Partial<Target> = {}): ProviderRequest {
  return anthropic.request(
    { messages: [{ role: 'user', content: 'Hi' }], ...chat },
    { model: 'claude-sonnet-4-5', options: {}, stream: false, ...target },
  )
}
