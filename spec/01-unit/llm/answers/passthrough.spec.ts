import type OpenAI from 'openai'
import { Stream } from 'openai/streaming'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../../lib/llm/answer.js'
import { createAnswer } from '../../../../lib/llm/answers/index.js'
import type { NativeRoute } from '../../../../lib/llm/driver.js'
import { openai } from '../../../../lib/llm/drivers/openai/index.js'
import { ChatError } from '../../../../lib/llm/errors.js'
import { SseReader } from '../../../../lib/llm/frames/sse.js'
import { byteByByte, everyCut, seededCuts, variants } from '../../../support/cuts.js'
import { object, objects } from '../../../support/json.js'
import {
  chunk,
  eventsOf,
  fixtureText,
  readAsClient,
  recordedChunks,
  sse,
  through,
} from '../../../support/streams.js'

const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
const ROLE = chunk({ role: 'assistant', content: '' })
const HI = chunk({ content: 'Hi' })
const STOP = chunk({}, 'stop')
const COUNTED = { ...chunk({}), choices: [], usage: USAGE }

function answer(
  includeUsage = false,
  contentType = 'text/event-stream; charset=utf-8',
  route: NativeRoute = 'llm/v1/chat',
): Answer {
  return createAnswer({
    driver: openai,
    route,
    native: true,
    stream: true,
    contentType,
    model: 'asked',
    includeUsage,
  })
}

const text = sse(recordedChunks('recorded/openai/openai-text.chunks.txt'))
const azure = sse(recordedChunks('recorded/openai/azure-model-router.1.chunks.txt'))
const kong = Buffer.from(fixtureText('kong/embedded/streams/openai-chat-good.sse'))
const kongPartial = Buffer.from(fixtureText('kong/embedded/streams/openai-chat-partial.sse'))

describe('a stream that passes', () => {
  it.each([
    ['a recorded one', text, 500],
    ['one from Azure', azure, Infinity],
    ["Kong's", kong, Infinity],
    ["Kong's other", kongPartial, Infinity],
  ])('goes out as the bytes that came in, however they were cut: %s', (_, bytes, edge) => {
    for (const cut of everyCut(bytes, edge)) expect(through(answer(true), cut).equals(bytes)).toBe(true)
    for (const cut of seededCuts(bytes, 5, 20)) expect(through(answer(true), cut).equals(bytes)).toBe(true)
    expect(through(answer(true), byteByByte(bytes)).equals(bytes)).toBe(true)
  })

  it('is the same to its client whatever line ends the provider likes', () => {
    const dataOf = (bytes: Buffer) => {
      const data: string[] = []
      const reader = new SseReader((frame) => data.push(frame.data))
      reader.push(bytes)
      reader.end()
      return data
    }
    for (const bytes of Object.values(variants(text))) {
      for (const cut of seededCuts(bytes, 6, 5))
        expect(dataOf(through(answer(true), cut))).toEqual(eventsOf(text))
    }
  })

  it("is read by OpenAI's own client", async () => {
    const response = new Response(through(answer(true), [text]))
    const seen: string[] = []
    for await (const part of Stream.fromSSEResponse<OpenAI.ChatCompletionChunk>(
      response,
      new AbortController(),
    )) {
      seen.push(part.choices[0]?.delta.content ?? '')
    }
    expect(seen.join('')).toBe(object(objects(readAsClient(text).whole.choices)[0]!.message).content)
  })

  it('is not copied where a read passes whole', () => {
    const passing = answer(true)
    passing.push(sse([ROLE, HI], false))
    passing.read()
    const bytes = sse([HI, HI, HI], false)
    passing.push(bytes)
    const out = passing.read()!
    expect(out.buffer).toBe(bytes.buffer)
    expect(out.byteOffset).toBe(bytes.byteOffset)
    expect(out).toEqual(bytes)
  })

  it('gives out each event in the call that completed it', () => {
    const passing = answer()
    const [first, ...rest] = [HI, HI, STOP].map((item) => sse([item], false))
    passing.push(first!)
    expect(passing.read()).toEqual(first)
    for (const bytes of rest) {
      passing.push(bytes.subarray(0, -1))
      expect(passing.read()).toBeUndefined()
      passing.push(bytes.subarray(-1))
      expect(passing.read()).toEqual(bytes)
    }
  })

  it('shows its facts', () => {
    const passing = answer()
    through(passing, [azure])
    expect(passing.state).toBe('done')
    expect(passing.facts).toMatchObject({
      id: 'chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt',
      model: 'gpt-5-nano-2025-08-07',
      usage: { prompt_tokens: 15, completion_tokens: 78, total_tokens: 93 },
      finishReasons: ['stop'],
      frames: 9,
      unknownFrames: 0,
    })
  })

  it('keeps the usage chunk from a client that did not ask for it', () => {
    const bytes = sse([ROLE, HI, STOP, COUNTED])
    expect(through(answer(true), [bytes])).toEqual(bytes)
    const unasked = answer(false)
    expect(through(unasked, [bytes])).toEqual(sse([ROLE, HI, STOP]))
    expect(unasked.facts.usage).toEqual(USAGE)
  })

  it('keeps usage that stands beside choices', () => {
    const last = { ...STOP, usage: USAGE }
    const passing = answer(false)
    expect(through(passing, [sse([HI, last])])).toEqual(sse([HI, last]))
    expect(passing.facts.usage).toEqual(USAGE)
  })

  describe('is held', () => {
    it.each([
      ['the role', sse([ROLE], false)],
      ['an empty delta', sse([ROLE, chunk({ content: '' }), chunk({})], false)],
      ['a comment', Buffer.from(': OPENROUTER PROCESSING\n\n')],
      [
        "Azure's filter results",
        sse([recordedChunks('recorded/openai/azure-model-router.1.chunks.txt')[0]!], false),
      ],
    ])('while there is but %s', (_, bytes) => {
      const passing = answer()
      passing.push(bytes)
      expect(passing.state).toBe('held')
      expect(passing.read()).toBeUndefined()
      passing.push(sse([HI], false))
      expect(passing.state).toBe('open')
      expect(passing.read()).toEqual(Buffer.concat([bytes, sse([HI], false)]))
    })

    it.each([
      ['text', { content: 'a' }],
      ['a refusal', { refusal: 'a' }],
      ['reasoning', { reasoning_content: 'a' }],
      ['sound', { audio: { id: 'a', data: 'AA==' } }],
      ['a tool call', { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '' } }] }],
    ])('until %s comes', (_, delta) => {
      const passing = answer()
      passing.push(sse([chunk(delta)], false))
      expect(passing.state).toBe('open')
    })

    it('until it is released', () => {
      const passing = answer()
      passing.push(sse([ROLE], false))
      passing.release()
      expect(passing.state).toBe('open')
      expect(passing.read()).toEqual(sse([ROLE], false))
    })

    it('so that an early error is an error and no stream', () => {
      const passing = answer()
      passing.push(
        sse([ROLE, { error: { message: 'busy', type: 'rate_limit_error', param: 'p', code: 'c' } }]),
      )
      expect(passing.state).toBe('failed')
      expect(passing.read()).toBeUndefined()
      passing.release()
      expect(passing.read()).toBeUndefined()
      expect(passing.error).toMatchObject({ status: 429, message: 'busy', param: 'p', code: 'c' })
    })
  })

  describe('ends', () => {
    it('in one [DONE], and passes nothing after it', () => {
      const bytes = sse([HI, STOP])
      expect(through(answer(), [Buffer.concat([bytes, sse([HI]), sse([HI])])])).toEqual(bytes)
    })

    it('in a [DONE] of ours where the provider leaves it out', () => {
      expect(through(answer(), [sse([HI, STOP], false)])).toEqual(sse([HI, STOP]))
    })

    it('whole where the provider leaves the last blank line out', () => {
      expect(through(answer(), [sse([HI, STOP]).subarray(0, -2)])).toEqual(sse([HI, STOP]))
    })

    it.each([
      ['no finish', sse([HI])],
      ['no finish and no [DONE]', sse([HI], false)],
      ['a chunk cut off', sse([HI, STOP], false).subarray(0, -20)],
      ['one choice unfinished', sse([HI, { ...HI, choices: [{ index: 1, delta: { content: 'x' } }] }, STOP])],
    ])('in one error event after %s', (_, bytes) => {
      const passing = answer()
      const view = readAsClient(through(passing, [bytes]))
      expect(view.done).toBe(false)
      expect(view.error).toMatchObject({ code: 'incomplete_answer', type: 'upstream_error' })
      expect(objects(view.whole.choices)[0]).toMatchObject({ message: { content: 'Hi' } })
      expect(passing).toMatchObject({ state: 'failed', error: { status: 502 } })
    })

    it("in the provider's own error, once", () => {
      const error = { message: 'overloaded', type: 'server_error', param: null, code: 'x' }
      const view = readAsClient(through(answer(), [sse([HI, { error }, { error }, HI])]))
      expect(view).toMatchObject({ error, done: false })
    })

    it('in the error of a connection that broke', () => {
      const passing = answer()
      passing.push(sse([HI], false))
      passing.fail(ChatError.badUpstream('cut off', 'answer_cut_off'))
      passing.fail(ChatError.badUpstream('again'))
      const view = readAsClient(passing.read()!)
      expect(view.error).toMatchObject({ message: 'cut off' })
      expect(passing.read()).toBeUndefined()
    })
  })

  it('may be a text completion', () => {
    const piece = (text: string, finish: string | null) => ({
      id: 'cmpl-1',
      object: 'text_completion',
      choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
    })
    const counted = { ...piece('', null), choices: [], usage: USAGE }
    const passing = answer(false, 'text/event-stream', 'llm/v1/completions')
    passing.push(sse([piece('', null)], false))
    expect(passing.state).toBe('held')
    const rest = sse([piece('Hi', null), piece('', 'length'), counted])
    expect(through(passing, [rest])).toEqual(sse([piece('', null), piece('Hi', null), piece('', 'length')]))
    expect(passing.facts).toMatchObject({ id: 'cmpl-1', usage: USAGE, finishReasons: ['length'] })
  })

  it('passes over what no client could read', () => {
    const passing = answer()
    const odd = ['data: hello\n\n', 'data: 7\n\n', 'data:\n\n']
    const view = readAsClient(through(passing, [sse([HI, ...odd, STOP])]))
    expect(view.done).toBe(true)
    expect(passing.facts).toMatchObject({ frames: 6, unknownFrames: 3 })
  })

  it('is made of a whole answer where the provider ignores that a stream was asked for', () => {
    const body = fixtureText('recorded/openai/openai-text.json')
    const passing = answer(true, 'application/json')
    const view = readAsClient(through(passing, byteByByte(Buffer.from(body))))
    expect(view.done).toBe(true)
    const { message: said, ...choice } = objects(object(JSON.parse(body)).choices)[0]!
    const { annotations: _, ...message } = object(said)
    expect(view.whole).toEqual({ ...JSON.parse(body), choices: [{ ...choice, message }] })
  })

  it.each(['{"error":{"message":"m","type":"server_error"}}', '{"nothing_object":{}}', '<html>'])(
    'is an error where there is none in a whole answer: %s',
    (body) => {
      const passing = answer(false, 'application/json')
      expect(through(passing, [Buffer.from(body)])).toHaveLength(0)
      expect(passing).toMatchObject({ state: 'failed', error: { status: 500 } })
    },
  )

  it('is an error where the provider sends something else altogether', () => {
    const passing = answer(false, 'text/html')
    expect(passing).toMatchObject({
      state: 'failed',
      error: { status: 502, code: 'unexpected_content_type' },
    })
    passing.push(Buffer.from('<html>'))
    passing.end()
    expect(passing.read()).toBeUndefined()
  })

  it('is taken for an event stream where its type is missing', () => {
    expect(through(answer(false, ''), [sse([HI, STOP])])).toEqual(sse([HI, STOP]))
  })
})
