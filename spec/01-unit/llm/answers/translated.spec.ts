import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../../lib/llm/answer.js'
import { type AnswerOptions, createAnswer } from '../../../../lib/llm/answers/index.js'
import type { Driver } from '../../../../lib/llm/driver.js'
import { anthropic } from '../../../../lib/llm/drivers/anthropic/index.js'
import { gemini } from '../../../../lib/llm/drivers/gemini/index.js'
import { openai } from '../../../../lib/llm/drivers/openai/index.js'
import { ChatError } from '../../../../lib/llm/errors.js'
import { byteByByte, everyCut, seededCuts, variants } from '../../../support/cuts.js'
import { object, objects, parseObject } from '../../../support/json.js'
import { faultsOfChunk, faultsOfTextCompletion } from '../../../support/openai-schema.js'
import {
  chunk,
  eventsOf,
  fixtureText,
  readAsClient,
  recordedChunks,
  sse,
  textOf,
  through,
} from '../../../support/streams.js'

const USAGE = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }

function answer(options: Partial<AnswerOptions> = {}): Answer {
  return createAnswer({
    driver: openai,
    route: 'llm/v1/chat',
    native: false,
    stream: true,
    contentType: 'text/event-stream',
    model: 'asked',
    includeUsage: true,
    ...options,
  })
}

/** A driver whose translator does with each frame what the test says. */
function driverWith(frame: Driver['stream']): Driver {
  return { ...openai, stream: frame }
}

const text = sse(recordedChunks('recorded/openai/openai-text.chunks.txt'))
const azure = sse(recordedChunks('recorded/openai/azure-model-router.1.chunks.txt'))
const claude = Buffer.from(fixtureText('kong/embedded/streams/anthropic-chat-good.sse'))

describe('a translated stream', () => {
  it.each([
    ['recorded', openai, text, 300],
    ['Azure', openai, azure, Infinity],
    ['Anthropic', anthropic, claude, Infinity],
  ])('does not depend on how the bytes were cut or lines ended: %s', (_, driver, bytes, edge) => {
    const expected = through(answer({ driver }), [bytes])
    const timeless = (out: Buffer) => out.toString().replaceAll(/"created":\d+/g, '')
    const check = (cut: Uint8Array[]) => {
      expect(timeless(through(answer({ driver }), cut))).toBe(timeless(expected))
    }
    expect(eventsOf(expected).length).toBeGreaterThan(4)
    for (const cut of everyCut(bytes, edge)) check(cut)
    for (const other of Object.values(variants(bytes))) {
      for (const cut of seededCuts(other, 7, 5)) check(cut)
      check(byteByByte(other))
    }
  })

  it('adds up to what the same frames give unstreamed', () => {
    for (const bytes of [text, azure]) {
      const streamed = readAsClient(through(answer(), [bytes]))
      const whole = through(answer({ stream: false }), [bytes])
      expect(streamed.whole).toEqual(JSON.parse(whole.toString()))
      expect(streamed.done).toBe(true)
    }
  })

  it("is made of chunks that are valid by OpenAI's schema", () => {
    for (const bytes of [text, azure]) {
      for (const item of readAsClient(through(answer(), [bytes])).chunks)
        expect(faultsOfChunk(item)).toEqual([])
    }
  })

  it('gives out the events of a frame in the call that completed it', () => {
    const translated = answer()
    const bytes = sse([chunk({ content: 'Hi' })], false)
    translated.push(bytes.subarray(0, -1))
    expect(translated.read()).toBeUndefined()
    translated.push(bytes.subarray(-1))
    expect(eventsOf(translated.read()!)).toHaveLength(2)
    expect(translated.read()).toBeUndefined()
  })

  it('is held until the first delta, then open, then done', () => {
    const translated = answer()
    const states = [sse([chunk({ role: 'assistant' })], false), sse([chunk({ content: 'a' }, 'stop')])].map(
      (bytes) => {
        const before = translated.state
        translated.push(bytes)
        return before
      },
    )
    expect([...states, translated.state]).toEqual(['held', 'held', 'done'])
  })

  it('gives out what it has when it is released', () => {
    const translated = answer()
    translated.push(sse([chunk({ role: 'assistant' })], false))
    translated.release()
    expect(translated.state).toBe('open')
    expect(readAsClient(translated.read()!).chunks).toMatchObject([
      { choices: [{ delta: { role: 'assistant' } }] },
    ])
  })

  it('shows what is known of it', () => {
    const translated = answer()
    through(translated, [sse([{ strange: true }, chunk({ content: 'a' }, 'stop', { usage: USAGE })])])
    expect(translated.facts).toEqual({
      id: 'chatcmpl-1',
      model: 'gpt-x',
      usage: USAGE,
      finishReasons: ['stop'],
      frames: 3,
      unknownFrames: 1,
      events: 5,
    })
  })

  it.each([
    ['cut inside a frame', sse([chunk({ content: 'a' })], false).subarray(0, -30)],
    ['cut between frames', sse([chunk({ content: '' })], false)],
    ['empty', Buffer.alloc(0)],
  ])('is an error with a status where it was %s before the first delta', (_, bytes) => {
    const translated = answer()
    expect(through(translated, [bytes])).toHaveLength(0)
    expect(translated).toMatchObject({ state: 'failed', error: { status: 502, code: 'incomplete_answer' } })
  })

  it('ends in an error event where an exception nobody expected met it, and shows nothing of it', () => {
    const driver = driverWith((sink) => ({
      unknownFrames: 0,
      frame({ data }) {
        if (data === 'boom') throw new TypeError('secret of /srv/app.ts')
        sink.text(0, data)
      },
      end() {},
    }))
    const translated = answer({ driver })
    const view = readAsClient(through(translated, [Buffer.from('data: Hi\n\ndata: boom\n\ndata: late\n\n')]))
    expect(view.whole.choices).toMatchObject([{ message: { content: 'Hi' } }])
    expect(view.error).toMatchObject({ code: 'translation_failed', type: 'server_error' })
    expect(JSON.stringify(view.error)).not.toContain('secret')
    expect(translated.error?.cause).toBeInstanceOf(TypeError)
  })

  it('ends in an error where the bytes are no frames', () => {
    const driver = { ...openai, frames: () => 'json-array' as const }
    const translated = answer({ driver, contentType: 'application/json' })
    through(translated, [Buffer.from('[{"a":1} nonsense')])
    expect(translated).toMatchObject({ state: 'failed', error: { status: 502, type: 'upstream_error' } })
  })

  it('is complete only if its driver says so', () => {
    const driver = driverWith((sink) => ({
      unknownFrames: 0,
      frame: ({ data }) => sink.text(0, data),
      end() {},
    }))
    expect(readAsClient(through(answer({ driver }), [Buffer.from('data: Hi\n\n')])).error).toMatchObject({
      code: 'incomplete_answer',
    })
  })

  it('is made of a whole answer where the provider did not stream', () => {
    const body = Buffer.from(fixtureText('kong/openai/llm-v1-chat/responses/good.json'))
    const view = readAsClient(through(answer({ contentType: 'application/json' }), byteByByte(body)))
    expect(view).toMatchObject({
      done: true,
      whole: { choices: [{ message: { content: 'The sum of 1 + 1 is 2.' } }] },
    })
  })

  it('may be a text completion of a provider that only chats', () => {
    const events = eventsOf(through(answer({ route: 'llm/v1/completions' }), [text]))
    const chunks = events.slice(0, -1).map(parseObject)
    const pieces = chunks.flatMap(({ choices }) => objects(choices).map((choice) => textOf(choice.text)))
    expect(pieces.join('')).toBe(object(objects(readAsClient(text).whole.choices)[0]!.message).content)
    for (const item of chunks) {
      const faults = faultsOfTextCompletion(item)
      expect(faults.filter((fault) => !/finish_reason|\/usage|service_tier/.test(fault))).toEqual([])
    }
  })
})

describe('a whole answer', () => {
  const native = { native: true, stream: false, contentType: 'application/json' }

  it('passes as the bytes that came, and is read', () => {
    const bytes = Buffer.from(fixtureText('kong/openai/llm-v1-chat/responses/good.json'))
    const whole = answer(native)
    whole.push(bytes.subarray(0, 100))
    whole.release()
    expect(whole.state).toBe('held')
    expect(whole.read()).toBeUndefined()
    expect(through(whole, [bytes.subarray(100)])).toEqual(bytes)
    expect(whole.state).toBe('done')
    expect(whole.facts).toMatchObject({
      id: 'chatcmpl-8T6YwgvjQVVnGbJ2w8hpOA17SeNy2',
      usage: { total_tokens: 37 },
      finishReasons: ['stop'],
    })
  })

  it('passes though it lacks a finish reason, or is a text completion', () => {
    const odd = Buffer.from('{"choices":[{"message":{}}]}')
    expect(through(answer(native), [odd])).toEqual(odd)
    const completion = Buffer.from(fixtureText('kong/openai/llm-v1-completions/responses/good.json'))
    expect(through(answer({ ...native, route: 'llm/v1/completions' }), [completion])).toEqual(completion)
  })

  it("is an error in Kong's words where it is not of its API", () => {
    const failure = (body: string, route: AnswerOptions['route'] = 'llm/v1/chat') => {
      const whole = answer({ ...native, route })
      expect(through(whole, [Buffer.from(body)])).toHaveLength(0)
      return whole.error
    }
    expect(
      failure(fixtureText('kong/openai/llm-v1-chat/responses/bad_upstream_response.json')),
    ).toMatchObject({
      status: 500,
      message: "transformation failed from type openai://llm/v1/chat: 'choices' not in llm/v1/chat response",
    })
    expect(failure('<html>', 'llm/v1/completions')).toMatchObject({
      status: 500,
      message:
        'transformation failed from type openai://llm/v1/completions: failed to decode llm/v1/completions response',
    })
    expect(failure('{"error":{"message":"m","code":429}}')).toMatchObject({ status: 429, message: 'm' })
  })

  it('is collected from a stream that nobody asked for', () => {
    for (const isNative of [true, false]) {
      const whole = answer({ stream: false, native: isNative })
      const body = parseObject(through(whole, [text]).toString())
      expect(body).toMatchObject({ object: 'chat.completion', usage: { prompt_tokens: 16 } })
    }
  })

  it('is translated once it is complete', () => {
    const bytes = Buffer.from(fixtureText('kong/anthropic/llm-v1-chat/responses/good.json'))
    const whole = answer({ driver: anthropic, stream: false, contentType: 'application/json' })
    const body = parseObject(through(whole, byteByByte(bytes)).toString())
    expect(body).toMatchObject({ object: 'chat.completion', choices: [{ index: 0 }] })
    expect(whole.read()).toBeUndefined()
  })

  it('is read as a whole though the provider streams under the same content type', () => {
    const bytes = Buffer.from(fixtureText('kong/gemini/llm-v1-chat/responses/good.json'))
    const stream = () => {
      throw new Error('this is no stream')
    }
    const driver = { ...gemini, stream }
    const whole = answer({ driver, stream: false, contentType: 'application/json; charset=UTF-8' })
    expect(parseObject(through(whole, [bytes]).toString())).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
    })
  })

  it('has a limit', () => {
    const whole = answer(native)
    const piece = Buffer.alloc(1024 * 1024, 0x20)
    for (let i = 0; i <= 64; i++) whole.push(piece)
    expect(whole).toMatchObject({ state: 'failed', error: { status: 502, code: 'answer_too_large' } })
  })

  it('fails with its connection', () => {
    const whole = answer(native)
    whole.push(Buffer.from('{'))
    whole.fail(ChatError.badUpstream('cut off'))
    whole.end()
    expect(whole).toMatchObject({ state: 'failed', error: { message: 'cut off' } })
    expect(whole.read()).toBeUndefined()
  })
})

describe('a preserved answer', () => {
  const preserve = (contentType: string) => answer({ route: 'preserve', contentType })

  it('goes out untouched and at once, whatever it is', () => {
    const bytes = Buffer.from([0, 255, 13, 10, 10, 128])
    for (const type of ['audio/mpeg', 'text/event-stream', 'application/json', '']) {
      const preserved = preserve(type)
      expect(preserved.state).toBe('held')
      for (const [head, tail] of everyCut(bytes)) {
        const each = preserve(type)
        each.push(head!)
        expect(each).toMatchObject({ state: 'open' })
        expect(each.read()).toEqual(head)
        expect(through(each, [tail!])).toEqual(tail)
        expect(each.state).toBe('done')
      }
    }
  })

  it('is watched for usage where it is JSON or an event stream', () => {
    const json = preserve('application/json')
    through(json, [Buffer.from('{"object":"list","model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}')])
    expect(json.facts).toMatchObject({ model: 'm', usage: { prompt_tokens: 8, total_tokens: 8 } })
    const events = preserve('text/event-stream; charset=utf-8')
    const completed = {
      type: 'response.completed',
      response: { id: 'r', usage: { input_tokens: 1, output_tokens: 2 } },
    }
    through(events, [sse([{ type: 'response.created' }, completed], false)])
    expect(events.facts).toMatchObject({ id: 'r', usage: USAGE, frames: 2 })
  })

  it('fails without a word of ours', () => {
    const preserved = preserve('audio/mpeg')
    preserved.push(Buffer.from('ID3'))
    preserved.fail(ChatError.badUpstream('cut off'))
    expect(preserved).toMatchObject({ state: 'failed', error: { message: 'cut off' } })
    expect(preserved.read()?.toString()).toBe('ID3')
    expect(preserved.read()).toBeUndefined()
  })
})
