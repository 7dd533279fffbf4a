import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NativeRoute, Target } from '../../../../../lib/llm/driver.js'
import { driverNames, driverOf } from '../../../../../lib/llm/drivers/index.js'
import { openAiCompatible } from '../../../../../lib/llm/drivers/openai/compatible.js'
import { openai } from '../../../../../lib/llm/drivers/openai/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { RecordingSink } from '../../../../support/recording-sink.js'
import { fixtureText } from '../../../../support/streams.js'
import { parseObject } from '../../../../support/json.js'

const MESSAGES = [{ role: 'user' as const, content: 'Hi' }]

function target(more: Partial<Target> = {}): Target {
  return { model: 'gpt-4o', options: {}, stream: false, ...more }
}

function ask(
  body: JsonObject,
  to: Partial<Target> = {},
  driver = openai,
  route: NativeRoute = 'llm/v1/chat',
) {
  return driver.native![route]!.request(body, target(to))
}

describe('the OpenAI driver', () => {
  it('leaves a request alone in which nothing must change', () => {
    const body = { model: 'gpt-4o', messages: MESSAGES, temperature: 0, odd: { field: 1 } }
    const request = ask(body)
    expect(request).toEqual({
      origin: 'https://api.openai.com:443',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      changed: false,
      dropped: [],
    })
    expect(request.body).toBe(body)
    expect(ask({ ...body, stream: false }).changed).toBe(false)
  })

  it('never changes the body that it was given', () => {
    const body = Object.freeze({ model: 'x', messages: MESSAGES, top_k: 1, stream: true, max_tokens: 5 })
    expect(ask(body, { options: { max_tokens: 3 } }).body).toEqual({
      model: 'gpt-4o',
      messages: MESSAGES,
      max_tokens: 3,
    })
  })

  it('asks for usage in every stream, and keeps the other options of the client', () => {
    const { body, headers } = ask({ messages: MESSAGES }, { stream: true })
    expect(body).toEqual({
      model: 'gpt-4o',
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(headers.accept).toBe('text/event-stream')
    const options = { include_usage: false, include_obfuscation: false }
    expect(
      ask({ messages: MESSAGES, stream: true, stream_options: options }, { stream: true }).body,
    ).toMatchObject({
      stream_options: { include_usage: true, include_obfuscation: false },
    })
    const asked = { model: 'gpt-4o', stream: true, stream_options: { include_usage: true } }
    expect(ask(asked, { stream: true }).changed).toBe(false)
  })

  it('tells the fields that it adds, where it does no more', () => {
    const given = { messages: MESSAGES, max_tokens: 5, stream_options: { include_usage: false } }
    const field = fc.constantFrom('model', 'stream', 'temperature', 'top_k', 'max_completion_tokens', 'x')
    const more = fc.dictionary(field, fc.constantFrom(null, true, 1, 'gpt-4o'), { noNullPrototype: true })
    const some = fc.subarray(Object.keys(given) as (keyof typeof given)[])
    fc.assert(
      fc.property(more, some, fc.boolean(), (others, kept, stream) => {
        const asked: JsonObject = {
          ...others,
          ...Object.fromEntries(kept.map((name) => [name, given[name]])),
        }
        const { body, added, changed } = ask(asked, { stream, options: { temperature: 0.5, max_tokens: 9 } })
        const isAdded = Object.entries(asked).every(([name, value]) => body[name] === value)
        expect(added !== undefined).toBe(changed && isAdded)
        expect({ ...asked, ...added }).toEqual(added ? body : asked)
        expect(Object.keys(added ?? {}).filter((name) => name in asked)).toEqual([])
      }),
    )
  })

  it('sends no stream options where it does not stream: OpenAI refuses them', () => {
    const { body } = ask({ messages: MESSAGES, stream: null, stream_options: { include_usage: true } })
    expect(body).toEqual({ model: 'gpt-4o', messages: MESSAGES })
  })

  it.each<[string, JsonObject, number | undefined, string, JsonObject]>([
    ['the request alone', { max_tokens: 5 }, undefined, 'gpt-4o', { max_tokens: 5 }],
    ['the config alone', {}, 9, 'gpt-4o', { max_tokens: 9 }],
    ['the smaller of both', { max_tokens: 5 }, 9, 'gpt-4o', { max_tokens: 5 }],
    [
      'the smaller of both, under its new name',
      { max_completion_tokens: 9 },
      5,
      'gpt-4o',
      { max_completion_tokens: 5 },
    ],
    ['the new name for a reasoning model', { max_tokens: 5 }, 9, 'o3-mini', { max_completion_tokens: 5 }],
    ['the new name for a reasoning model, from the config', {}, 9, 'gpt-5', { max_completion_tokens: 9 }],
    ['the new name for a tuned one', {}, 9, 'ft:o4-mini:x', { max_completion_tokens: 9 }],
    ['nothing', {}, undefined, 'gpt-5', {}],
  ])('limits tokens by %s', (_, body, configured, model, expected) => {
    const options = configured === undefined ? {} : { max_tokens: configured }
    expect(ask({ messages: MESSAGES, ...body }, { model, options }).body).toEqual({
      model,
      messages: MESSAGES,
      ...expected,
    })
  })

  it('samples as the request says, else as the config says', () => {
    const options = { temperature: 0.5, top_p: 0.6, top_k: 7 }
    expect(ask({ messages: MESSAGES, temperature: 0, top_p: null }, { options }).body).toMatchObject({
      temperature: 0,
      top_p: 0.6,
    })
  })

  it('drops top_k, which OpenAI does not know, and says so', () => {
    const { body, dropped } = ask({ messages: MESSAGES, top_k: 4 }, { options: { top_k: 7 } })
    expect(body).not.toHaveProperty('top_k')
    expect(dropped).toEqual(['top_k'])
    expect(ask({ messages: MESSAGES }, { options: { top_k: 7 } }).dropped).toEqual([])
  })

  it('speaks text completions, with max_tokens for every model', () => {
    const { path, body } = ask(
      { prompt: ['a', 'b'] },
      { model: 'o9', options: { max_tokens: 4 } },
      openai,
      'llm/v1/completions',
    )
    expect(path).toBe('/v1/completions')
    expect(body).toEqual({ model: 'o9', prompt: ['a', 'b'], max_tokens: 4 })
  })

  it('takes a chat request of another client format as its own', () => {
    const { dropped, body, ...request } = openai.request({ messages: MESSAGES }, target({ stream: true }))
    expect(request).toEqual({
      origin: 'https://api.openai.com:443',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    })
    expect(body.stream).toBe(true)
    expect(dropped).toEqual([])
  })

  it.each<[number, unknown, object]>([
    [
      401,
      parseObject(fixtureText('kong/openai/llm-v1-chat/responses/unauthorized.json')),
      { status: 401, type: 'invalid_request_error', code: 'invalid_api_key', param: null },
    ],
    [
      429,
      { error: { message: 'm', type: 'tokens', code: 'rate_limit_exceeded' } },
      { status: 429, type: 'tokens' },
    ],
    [503, { error: 'overloaded' }, { status: 503, message: 'overloaded', type: 'server_error' }],
    [400, { object: 'error', message: 'm', code: 40001 }, { status: 400, message: 'm', code: '40001' }],
    [
      422,
      { detail: [{ loc: ['body', 'n'], msg: 'bad n' }] },
      { status: 422, message: 'bad n', param: 'body.n' },
    ],
    [404, { detail: 'Not Found' }, { status: 404, message: 'Not Found' }],
    [404, { message: 'no Route matched' }, { status: 404, message: 'no Route matched' }],
    [400, [{ error: { message: 'in a list' } }], { status: 400, message: 'in a list' }],
    [502, 'upstream connect error', { status: 502, message: 'upstream connect error' }],
    [500, '<html>stack trace</html>', { status: 500, message: 'the provider answered with status 500' }],
    [500, null, { status: 500, message: 'the provider answered with status 500' }],
  ])('reads the error of a %i: %j', (status, body, error) => {
    expect(openai.error(status, body)).toMatchObject(error)
  })

  it('says that a whole answer is none', () => {
    for (const body of [undefined, null, [], 'x', {}, { choices: null }]) {
      const sink = new RecordingSink()
      openai.response(body, sink)
      expect(sink.calls).toMatchObject([['error', { status: 500, code: 'transformation_failed' }]])
    }
  })

  it('streams server-sent events', () => {
    expect(openai.frames('text/event-stream')).toBe('sse')
    expect(openai.frames('application/json')).toBeUndefined()
  })
})

describe('a provider that speaks like OpenAI', () => {
  const odd = openAiCompatible({
    name: 'odd',
    origin: 'https://odd.example:443',
    chatPath: '/chat',
    quirks: { noMaxCompletionTokens: true, noStreamOptions: true, topK: true },
  })

  it('is a few lines of data', () => {
    const request = ask(
      { messages: MESSAGES, max_completion_tokens: 5, stream: true, stream_options: { include_usage: true } },
      { stream: true, options: { top_k: 3 } },
      odd,
    )
    expect(request).toMatchObject({ origin: 'https://odd.example:443', path: '/chat', dropped: [] })
    expect(request.body).toEqual({
      model: 'gpt-4o',
      messages: MESSAGES,
      max_tokens: 5,
      stream: true,
      top_k: 3,
    })
    expect(odd.native).not.toHaveProperty('llm/v1/completions')
  })

  it('is named in the words of a failed translation', () => {
    const sink = new RecordingSink()
    odd.response({}, sink)
    expect(sink.of('error')).toMatchObject([[{ message: expect.stringContaining('odd://llm/v1/chat') }]])
  })
})

describe('the table of drivers', () => {
  it('has each under its name', () => {
    for (const name of driverNames) expect(driverOf(name)?.name).toBe(name)
    expect(driverOf('openai')).toBe(openai)
    expect(driverOf('constructor')).toBeUndefined()
  })
})
