import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../lib/llm/answer.js'
import { type AnswerOptions, createAnswer } from '../../../lib/llm/answers/index.js'
import { ownAnswer } from '../../../lib/llm/answers/own.js'
import type { Driver } from '../../../lib/llm/driver.js'
import { anthropic } from '../../../lib/llm/drivers/anthropic/index.js'
import { llama2Driver } from '../../../lib/llm/drivers/llama2/index.js'
import { openai } from '../../../lib/llm/drivers/openai/index.js'
import { ChatError } from '../../../lib/llm/errors.js'
import type { Json, JsonObject } from '../../../lib/llm/json.js'
import { tokenizer } from '../../../lib/llm/tokens/tokenizer.js'
import { chunk, eventsOf, fixtureText, readAsClient, sse } from '../../support/streams.js'

const prompt = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] }
const USAGE = { prompt_tokens: 25, completion_tokens: 12, total_tokens: 37 }
const ownCounts = sse([chunk({ content: 'Hi' }, 'stop'), { ...chunk({}), choices: [], usage: USAGE }])

function answer(options: Partial<AnswerOptions> = {}): Answer {
  return createAnswer({
    driver: openai,
    route: 'llm/v1/chat',
    native: true,
    stream: true,
    contentType: 'text/event-stream',
    model: 'gpt-4o',
    includeUsage: true,
    prompt: () => prompt,
    ...options,
  })
}

const whole: Partial<AnswerOptions> = { stream: false, contentType: 'application/json' }
const completion = (message: JsonObject, more: JsonObject = {}) =>
  Buffer.from(
    JSON.stringify({
      id: 'c',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }],
      ...more,
    }),
  )

/** All that a client gets of the body. */
async function said(one: Answer, ...bytes: Buffer[]): Promise<Buffer> {
  for (const piece of bytes) one.push(piece)
  one.end()
  const first = one.read()
  await one.counting
  return Buffer.concat([first ?? Buffer.alloc(0), one.read() ?? Buffer.alloc(0)])
}

describe('usage that the provider sent', () => {
  // Stands first in the file: nothing has been counted yet in this process.
  it('is never counted, nor is a tokenizer loaded for it', async () => {
    for (const includeUsage of [true, false]) {
      const one = answer({ includeUsage })
      const events = eventsOf(await said(one, ownCounts))
      await one.countUsage?.()
      expect(events.at(-1)).toBe('[DONE]')
      expect(events).toHaveLength(includeUsage ? 3 : 2)
      expect(one.facts).toMatchObject({ usage: USAGE })
      expect(one.facts.estimated).toBeUndefined()
    }
    const body = completion({ content: 'Hi' }, { usage: USAGE })
    expect(await said(answer(whole), body)).toEqual(body)
    expect(tokenizer.started).toBe(false)
  })

  it('is not counted either for a stream that goes by unasked', async () => {
    await said(answer({ includeUsage: false }), sse([chunk({ content: 'Hi' }, 'stop')]))
    expect(tokenizer.started).toBe(false)
  })
})

describe('usage that the provider did not send', () => {
  const mute = sse([chunk({ content: 'Hi there' }, 'stop', { model: 'gpt-4o' })])
  const usage = { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 }

  it.each([
    ['passing', true],
    ['translated', false],
  ])('is the last chunk of a stream, after all that was said: %s', async (_, native) => {
    const one = answer({ native })
    one.push(mute)
    expect(one.state).toBe('open')
    const first = eventsOf(one.read()!)
    expect(first.at(-1)).toContain('"finish_reason":"stop"')
    await one.counting
    expect(one.state).toBe('done')
    const [last, done] = eventsOf(one.read()!)
    expect(JSON.parse(last!)).toMatchObject({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1700000000,
      model: 'gpt-4o',
      choices: [],
      usage,
    })
    expect(done).toBe('[DONE]')
    expect(one.facts).toMatchObject({ usage, estimated: true })
  })

  it('is all zeros from a server that does not count', async () => {
    const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
    const bytes = sse([chunk({ content: 'Hi there' }, 'stop'), { ...chunk({}), choices: [], usage: zeros }])
    const { chunks } = readAsClient(await said(answer(), bytes))
    expect(chunks.map((item) => item.usage)).toEqual([undefined, usage])
  })

  it('is no chunk that the client did not ask for, but is there for the log', async () => {
    const one = answer({ includeUsage: false })
    expect(await said(one, mute)).toEqual(mute)
    expect(one.state).toBe('done')
    await one.countUsage?.()
    expect(one.facts).toMatchObject({ usage, estimated: true })
  })

  it.each([
    ['passing', true],
    ['translated', false],
  ])('is put into a whole answer: %s', async (_, native) => {
    const one = answer({ ...whole, native })
    const body = JSON.parse((await said(one, completion({ content: 'Hi there' }))).toString()) as JsonObject
    expect(body).toMatchObject({ id: 'c', choices: [{ message: { content: 'Hi there' } }], usage })
    expect(one.facts).toMatchObject({ estimated: true })
  })

  it('is a text completion’s as well', async () => {
    const body = { id: 'c', object: 'text_completion', model: 'gpt-3.5-turbo-instruct', created: 1 }
    const bytes = sse([{ ...body, choices: [{ index: 0, text: 'Hi there', finish_reason: 'stop' }] }])
    const options = { route: 'llm/v1/completions', prompt: () => ({ prompt: 'a b c' }) } as const
    const events = eventsOf(await said(answer(options), bytes))
    expect(JSON.parse(events.at(-2)!)).toEqual({
      ...body,
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  it.each([
    ['English', "It's not what you'd expect; the tokenizer's merges depend on neighbours, 1234567 times."],
    ['CJK', '操作员看不到它，但他们会看到一千二百个请求。オペレーターはそれを見ていません。'],
    ['code', 'for (let i = 0; i < items.length; i++) {\n    console.log(`${items[i]}`)\n}\n'],
    ['emoji', 'Yes 👍🏽 and 👨‍👩‍👧‍👦, no 🙅‍♀️!'],
  ])('does not depend on the frames that the text came in: %s', async (_, text) => {
    const counts = new Set<number>()
    for (const length of [1, 2, 3, 7, text.length]) {
      const deltas = Array.from({ length: Math.ceil(text.length / length) }, (__, i) =>
        chunk({ content: text.slice(i * length, (i + 1) * length) }),
      )
      const one = answer()
      await said(one, sse([...deltas, chunk({}, 'stop')]))
      counts.add(one.facts.usage!.completion_tokens)
    }
    expect(counts.size).toBe(1)
  })

  it('counts text, refusals, reasoning and tool calls of every choice', async () => {
    const count = async (message: JsonObject) => {
      const one = answer(whole)
      await said(one, completion(message))
      return one.facts.usage!
    }
    const call = {
      id: 'i',
      type: 'function',
      function: { name: 'get_weather', arguments: '{"city":"Paris"}' },
    }
    const { completion_tokens: called } = await count({ content: null, tool_calls: [call] })
    const texts = 2 + 5 // the name and the arguments
    expect(called).toBe(texts + 6)
    // Several go out wrapped in one.
    expect(await count({ content: null, tool_calls: [call, { ...call, id: 'j' }] })).toMatchObject({
      completion_tokens: 7 + 2 * (texts + 10),
    })
    expect(await count({ content: null, refusal: 'I cannot' })).toMatchObject({ completion_tokens: 2 + 1 })
    expect(await count({ content: 'Hi there', reasoning_content: 'They greet me' })).toMatchObject({
      completion_tokens: 5,
      completion_tokens_details: { reasoning_tokens: 3 },
    })
    const both = answer()
    const choice = (index: number) => ({ index, delta: { content: 'Hi there' }, finish_reason: 'stop' })
    await said(both, sse([{ ...chunk({}), choices: [choice(0), choice(1)] }]))
    expect(both.facts.usage).toMatchObject({ completion_tokens: 4 })
  })

  it('is counted as the model that answered counts', async () => {
    const text = 'お誕生日おめでとう'
    const one = answer({ model: 'my-deployment' })
    await said(one, sse([chunk({ content: text }, 'stop', { model: 'gpt-4-0613' })]))
    expect(one.facts.usage).toMatchObject({ completion_tokens: 9 })
  })

  it('is not counted where nobody gave the prompt', async () => {
    const one = createAnswer({
      driver: openai,
      route: 'llm/v1/chat',
      native: true,
      model: 'm',
      includeUsage: true,
      stream: true,
      contentType: 'text/event-stream',
    })
    expect(eventsOf(await said(one, mute)).at(-1)).toBe('[DONE]')
    await one.countUsage?.()
    expect(one.facts.usage).toBeUndefined()
  })
})

describe('usage that nothing can count', () => {
  // More levels than the stack has room for.
  const depth = 100_000
  const schema: JsonObject = { schema: JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as Json }
  const deep = { ...prompt, response_format: { type: 'json_schema', json_schema: schema } }

  it('is left out, and the answer ends all the same', async () => {
    const body = completion({ content: 'Hi' })
    const one = answer({ ...whole, prompt: () => deep })
    expect(await said(one, body)).toEqual(body)
    expect(one.state).toBe('done')
    expect(one.facts.estimated).toBeUndefined()

    const stream = answer({ prompt: () => deep })
    expect(eventsOf(await said(stream, sse([chunk({ content: 'Hi' }, 'stop')])))).toHaveLength(2)
    await expect(stream.countUsage?.()).resolves.toBeUndefined()
  })
})

describe('usage of an answer that was cut short', () => {
  const cut = ChatError.badUpstream('cut', 'answer_cut_off')

  it.each([
    ['by the provider', true],
    ['by the client', false],
  ])('is counted up to there: %s', async (_, byProvider) => {
    const one = answer()
    one.push(sse([chunk({ content: 'Hi ' }), chunk({ content: 'there' })], false))
    if (byProvider) one.fail(cut)
    await one.countUsage?.()
    expect(one.facts).toMatchObject({
      usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 },
      estimated: true,
    })
  })

  it('is the prompt’s where nothing had been said yet', async () => {
    const one = answer()
    one.push(sse([chunk({ role: 'assistant', content: '' })], false))
    await one.countUsage?.()
    expect(one.facts.usage).toEqual({ prompt_tokens: 8, completion_tokens: 0, total_tokens: 8 })
  })

  it('is none where the provider failed before it said anything', async () => {
    const one = answer()
    one.push(Buffer.from('data: {"error":{"message":"overloaded"}}\n\n'))
    await one.countUsage?.()
    expect(one.state).toBe('failed')
    expect(one.facts.usage).toBeUndefined()
  })

  it('has Anthropic’s own count of the prompt, cache and all', async () => {
    const start = {
      type: 'message_start',
      message: {
        id: 'msg',
        model: 'claude-sonnet-4-5',
        usage: { input_tokens: 20, cache_read_input_tokens: 100, output_tokens: 3 },
      },
    }
    const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
    const delta = {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'One two three four five' },
    }
    const events = [start, block, delta].map(
      (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
    )
    const one = answer({ driver: anthropic, native: false })
    one.push(Buffer.from(events.join('')))
    one.fail(cut)
    await one.countUsage?.()
    expect(one.facts).toMatchObject({
      usage: {
        prompt_tokens: 120,
        completion_tokens: 6,
        total_tokens: 126,
        prompt_tokens_details: { cached_tokens: 100 },
      },
      estimated: true,
    })
  })

  it('is the provider’s own where that came in time', async () => {
    const stream = fixtureText('kong/embedded/streams/anthropic-chat-good.sse')
    const one = answer({ driver: anthropic, native: false })
    one.push(Buffer.from(stream.slice(0, stream.indexOf('event: message_stop'))))
    one.fail(cut)
    await one.countUsage?.()
    expect(one.facts.usage?.completion_tokens).toBeGreaterThan(0)
    expect(one.facts.estimated).toBeUndefined()
  })
})

describe('usage of an answer that passes as it is', () => {
  const preserved = (contentType: string, body: JsonObject) =>
    answer({ route: 'preserve', contentType, prompt: () => body })
  const own = (driver: Driver, stream: boolean, body: JsonObject) =>
    ownAnswer({
      driver,
      stream,
      contentType: stream ? 'text/event-stream' : 'application/json',
      model: 'm',
      prompt: () => body,
    })
  const json = (body: JsonObject) => Buffer.from(JSON.stringify(body))

  async function usageOf(one: Answer, ...bytes: Buffer[]) {
    expect((await said(one, ...bytes)).equals(Buffer.concat(bytes))).toBe(true)
    await one.countUsage?.()
    const { usage, estimated } = one.facts
    return { usage, estimated }
  }

  it.each([
    ['a stream', 'text/event-stream', sse([chunk({ content: 'Hi ' }), chunk({ content: 'there' }, 'stop')])],
    ['a whole answer', 'application/json', completion({ content: 'Hi there' })],
  ])('is counted where OpenAI’s format says none: %s', async (_, type, bytes) => {
    expect(await usageOf(preserved(type, prompt), bytes)).toEqual({
      usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 },
      estimated: true,
    })
  })

  it('is counted of a text completion', async () => {
    const body = {
      object: 'text_completion',
      model: 'gpt-3.5-turbo-instruct',
      choices: [{ text: 'Hi there' }],
    }
    expect(await usageOf(preserved('application/json', { prompt: 'a b c' }), json(body))).toMatchObject({
      usage: { prompt_tokens: 3, completion_tokens: 2 },
    })
  })

  it('is counted of a stream of the responses API that was cut', async () => {
    const events = [
      { type: 'response.created', response: { id: 'r', model: 'gpt-4o' } },
      { type: 'response.reasoning_summary_text.delta', delta: 'They greet me' },
      { type: 'response.output_text.delta', delta: 'Hi ' },
      { type: 'response.output_text.delta', delta: 'there' },
      { type: 'response.output_audio.delta', delta: 'AAAA' },
    ]
    const one = preserved('text/event-stream', { input: 'a b c' })
    expect(await usageOf(one, sse(events, false))).toEqual({
      usage: {
        prompt_tokens: 3,
        completion_tokens: 5,
        total_tokens: 8,
        completion_tokens_details: { reasoning_tokens: 3 },
      },
      estimated: true,
    })
    expect(one.facts).toMatchObject({ id: 'r', model: 'gpt-4o', frames: 5 })
  })

  it('has the provider’s own count of the prompt in the provider’s own format', async () => {
    const text = fixtureText('kong/embedded/streams/anthropic-chat-good.sse')
    const cut = Buffer.from(text.slice(0, text.indexOf('event: content_block_stop')))
    const { usage, estimated } = await usageOf(own(anthropic, true, {}), cut)
    expect(usage?.prompt_tokens).toBeGreaterThan(0)
    expect(usage?.completion_tokens).toBeGreaterThan(0)
    expect(estimated).toBe(true)
  })

  it('is counted of text generation that tells no details', async () => {
    const one = own(llama2Driver({ llama2_format: 'raw' }), false, { inputs: 'a b c' })
    expect(await usageOf(one, json({ generated_text: 'Hi there' }))).toEqual({
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      estimated: true,
    })
  })

  it('is the provider’s own where it sends any', async () => {
    expect(await usageOf(preserved('text/event-stream', prompt), ownCounts)).toEqual({ usage: USAGE })
  })

  it.each([
    ['a list of models', { object: 'list', data: [{ id: 'gpt-4o' }] }],
    ['an error', { error: { message: 'no' } }],
    ['embeddings', { object: 'list', data: [{ embedding: [0.1] }] }],
  ])('is not made up for what may be no model’s answer: %s', async (_, body) => {
    expect(await usageOf(preserved('application/json', prompt), json(body))).toEqual({})
    expect(await usageOf(own(anthropic, false, prompt), json(body))).toEqual({})
  })
})
