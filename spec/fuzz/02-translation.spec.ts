import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../lib/llm/answers/index.js'
import { driverNames, driverOf } from '../../lib/llm/drivers/index.js'
import { ChatError } from '../../lib/llm/errors.js'
import { formats } from '../../lib/llm/formats/index.js'
import type { Json, JsonObject } from '../../lib/llm/json.js'
import { seededCuts } from '../support/cuts.js'
import { FAMILIES, recorded, type Recorded } from '../support/families.js'
import { eventsOf, through } from '../support/streams.js'
import { check, thrown } from './settings.js'

const driver = (name: string) => driverOf(name, OPTIONS)!
const OPTIONS = {
  upstream_url: 'http://provider.example',
  azure_instance: 'i',
  azure_deployment_id: 'd',
  llama2_format: 'ollama',
  mistral_format: 'openai',
  anthropic_version: '2023-06-01',
  bedrock: { aws_region: 'us-east-1' },
}

/** A request in which one value is not what it was. */
const REQUEST = {
  model: 'm',
  messages: [
    { role: 'system', content: 'Be kind' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Hi' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'done' },
    { role: 'user', content: 'Go on' },
  ],
  tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  tool_choice: 'auto',
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
  stream_options: { include_usage: true },
  max_tokens: 5,
  temperature: 1,
  stop: ['x'],
  logit_bias: { '1': 1 },
} satisfies JsonObject

function places(value: Json | undefined, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path]
  const inner = Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))
  return path.length === 0 ? inner : [path, ...inner]
}

function replaced(value: Json, [key, ...rest]: (string | number)[], by: Json): Json {
  if (key === undefined) return by
  const copy = structuredClone(value) as Record<string | number, Json>
  copy[key] = replaced(copy[key]!, rest, by)
  return copy
}

const mutated = fc
  .tuple(
    fc.constantFrom(...places(REQUEST)),
    fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('', '__proto__', -1, Number.MAX_VALUE, '\uD800')),
  )
  .map(([path, by]) => replaced(REQUEST, path, by) as JsonObject)

function isNoneOrFault(error: unknown): boolean {
  if (error === undefined) return true
  return error instanceof ChatError && error.status === 400 && typeof error.param === 'string'
}

describe('translating requests', () => {
  it.each(driverNames)('%s: whatever is wrong in one is a 400, or is sent as JSON', (name) => {
    check(
      fc.property(mutated, fc.boolean(), (body, stream) => {
        const target = { model: 'm', options: OPTIONS, stream }
        const error = thrown(() => {
          const { chat } = formats['llm/v1/chat'].decode(body)
          const requests = [driver(name).request(chat, target)]
          const native = driver(name).native?.['llm/v1/chat']
          if (native) requests.push(native.request(body, target))
          for (const request of requests) JSON.parse(JSON.stringify(request.body))
        })
        expect(error).toSatisfy(isNoneOrFault)
      }),
    )
  })
})

describe('translating streams', () => {
  const answers = new Map<string, Recorded>()
  const good = async (name: string) => {
    if (!answers.has(name)) answers.set(name, await recorded(name, true))
    return answers.get(name)!
  }
  const answerOf = (name: string, contentType: string) =>
    createAnswer({
      driver: driver(name),
      route: 'llm/v1/chat',
      native: false,
      stream: true,
      contentType,
      model: 'm',
      includeUsage: true,
    })

  it.each(FAMILIES)('%s: the events do not depend on the cuts', async (name) => {
    const { body, contentType } = await good(name)
    const read = (cut: Uint8Array[]) => anonymous(through(answerOf(name, contentType), cut))
    const expected = read([body])
    expect(expected).toContain('[DONE]')
    check(
      fc.property(fc.nat(), (cutSeed) => {
        for (const cut of seededCuts(body, cutSeed, 1)) expect(read(cut)).toEqual(expected)
      }),
    )
  })

  it.each(FAMILIES)(
    '%s: of any bytes it makes one end, and no exception, by every way alike',
    async (name) => {
      const { body, contentType } = await good(name)
      const change = fc.record({
        at: fc.nat(body.length - 1),
        skip: fc.integer({ min: -600, max: 200 }),
        bytes: fc.oneof(
          fc.uint8Array({ maxLength: 8 }),
          fc.constantFrom(...INSIDE_STRINGS).map((text) => new Uint8Array(Buffer.from(text))),
        ),
      })
      check(
        fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
          let damaged: Uint8Array = body
          for (const { at, skip, bytes: put } of changes) {
            // Less than nothing is left out: said twice.
            damaged = Buffer.concat([damaged.subarray(0, at), put, damaged.subarray(Math.max(0, at + skip))])
          }
          const answer = answerOf(name, contentType)
          const said = through(answer, [damaged])
          const events = eventsOf(said)
          const ends = events.filter((event) => event === '[DONE]' || event.startsWith('{"error"'))
          expect(ends).toEqual(events.slice(events.length - ends.length))
          expect(ends).toHaveLength(events.length === 0 ? 0 : 1)
          expect(answer.state).toBe(answer.error === undefined ? 'done' : 'failed')
          expect(answer.error?.code).not.toBe('translation_failed')
          // No frame is whole within a piece, so that each is parsed by itself and no shorter way is taken.
          const long = through(answerOf(name, contentType), piecesOf(damaged, 16))
          expect(anonymous(said)).toBe(anonymous(long))
        }),
      )
    },
  )
})

/** What a string of JSON may have in it, or not. */
const INSIDE_STRINGS = [
  '\\',
  '\\"',
  '\\u0041',
  '\\ud83d',
  '\\n',
  '\\x',
  '"',
  '","text":"',
  '"}',
  '👋',
  '\u2028',
  '\u0001',
  '{}',
]

function piecesOf(bytes: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) =>
    bytes.subarray(i * length, (i + 1) * length),
  )
}

/** Ids and times that are made up anew for each answer. */
function anonymous(stream: Buffer): string {
  return stream.toString().replaceAll(/"id":"[^"]*"|"created":\d+/g, '')
}
