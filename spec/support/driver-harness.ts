import { readFileSync } from 'node:fs'
import type { ChatRequest } from '../../lib/llm/chat.js'
import type { Driver, ProviderRequest, Target } from '../../lib/llm/driver.js'
import type { ChatError } from '../../lib/llm/errors.js'
import { ChatWholeSink } from '../../lib/llm/formats/chat-whole.js'
import type { Frame, FrameFormat } from '../../lib/llm/frames/frame.js'
import { frameReaders } from '../../lib/llm/frames/index.js'
import type { JsonObject } from '../../lib/llm/json.js'
import type { Cut } from './cuts.js'
import { RecordingSink } from './recording-sink.js'

const FIXTURES = new URL('../fixtures/', import.meta.url)

export function fixtureBytes(path: string): Buffer {
  return readFileSync(new URL(path, FIXTURES))
}

export function fixtureObject(path: string): JsonObject {
  const value: JsonObject = JSON.parse(fixtureBytes(path).toString('utf8'))
  return value
}

/** The events of a recorded stream, one a line. */
export function fixtureLines(path: string): JsonObject[] {
  const lines = fixtureBytes(path).toString('utf8').trimEnd().split('\n')
  return lines.map((line): JsonObject => JSON.parse(line))
}

/** What a reader makes of a body that came in pieces. */
export function framesOf(format: FrameFormat, cut: Cut): Frame[] {
  const frames: Frame[] = []
  const reader = frameReaders[format]((frame) => frames.push(frame))
  for (const bytes of cut) reader.push(bytes)
  reader.end()
  return frames
}

/** A driver as the specs of its translation drive it. */
export class DriverHarness {
  readonly #driver: Driver
  readonly #target: Target

  constructor(driver: Driver, target: Target) {
    this.#driver = driver
    this.#target = target
  }

  /** The request to the provider, with one user message unless the test brings its own. */
  request(chat: Partial<ChatRequest>, target: Partial<Target> = {}): ProviderRequest {
    return this.#driver.request(
      { messages: [{ role: 'user', content: 'Hi' }], ...chat },
      { ...this.#target, ...target },
    )
  }

  /** What the translator says of the frames; with `end`, of the body's end as well. */
  stream(frames: Frame[], end = true): RecordingSink {
    const sink = new RecordingSink()
    const translator = this.#driver.stream(sink)
    for (const frame of frames) translator.frame(frame)
    if (end) translator.end()
    return sink
  }

  /** How many of the frames nobody knows. */
  unknownFrames(frames: Frame[]): number {
    const translator = this.#driver.stream(new RecordingSink())
    for (const frame of frames) translator.frame(frame)
    return translator.unknownFrames
  }

  /** What is said of a whole answer. */
  response(body: unknown): RecordingSink {
    const sink = new RecordingSink()
    this.#driver.response(body, sink)
    return sink
  }

  /** The stream as the one body that it adds up to. */
  accumulated(frames: Frame[]): JsonObject {
    const sink = new ChatWholeSink({ model: 'requested' })
    const translator = this.#driver.stream(sink)
    for (const frame of frames) translator.frame(frame)
    translator.end()
    return whole(sink)
  }

  /** A whole answer as the client gets it. */
  answered(body: unknown): JsonObject {
    const sink = new ChatWholeSink({ model: 'requested' })
    this.#driver.response(body, sink)
    return whole(sink)
  }
}

/** The one error that a sink was told, which was also the last thing. */
export function onlyError(sink: RecordingSink): ChatError {
  const [method, error] = sink.calls.at(-1) ?? []
  if (method !== 'error' || sink.of('error').length !== 1) throw new Error('no error ended the answer')
  return error as ChatError
}

function whole(sink: ChatWholeSink): JsonObject {
  if (sink.state !== 'ended') throw new Error(`the answer is ${sink.state}`, { cause: sink.failure })
  return { ...sink.body(), created: 0, id: 'id' }
}
