import OpenAI, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, messages } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { faultsOfChunk, faultsOfCompletion } from '../../support/openai-schema.js'

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools: ChatCompletionTool[] = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, parameters },
}))
const question: ChatCompletionMessageParam = { role: 'user', content: 'Use get_weather and get_time.' }

describe.each(['openai', 'anthropic'])('the official client, with %s behind the gateway', (provider) => {
  let mock: Mock

  beforeEach(async () => {
    mock = closing(await startMock({ pace: 0 }))
  })

  async function client(name = 'm'): Promise<OpenAI> {
    const { url } = await aiGateway(aiConfig(mock.url, { model: { provider, name } }))
    return new OpenAI({ baseURL: url, apiKey: 'sk-of-the-client', maxRetries: 0 })
  }

  it('gets an answer', async () => {
    const openai = await client()
    const answer = await openai.chat.completions.create({ model: 'm', messages })
    expect(faultsOfCompletion(answer)).toEqual([])
    expect(answer.choices[0]?.message.content).toContain('Say 你好 👋')
    expect(answer.choices[0]?.finish_reason).toBe('stop')
    expect(answer.usage?.total_tokens).toBeGreaterThan(10)
    expect(JSON.stringify(mock.requests[0]?.headers)).not.toContain('sk-of-the-client')
  })

  it('gets the same answer as a stream', async () => {
    const openai = await client()
    const whole = await openai.chat.completions.create({ model: 'm', messages })
    const stream = openai.chat.completions.stream({
      model: 'm',
      messages,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.flatMap(faultsOfChunk)).toEqual([])
    expect(chunks.length).toBeGreaterThan(5)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    const streamed = await stream.finalChatCompletion()
    expect(streamed.choices).toMatchObject([
      { message: { content: whole.choices[0]?.message.content }, finish_reason: 'stop' },
    ])
  })

  it('gets no usage chunk that it did not ask for', async () => {
    const openai = await client()
    const stream = await openai.chat.completions.create({ model: 'm', messages, stream: true })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true)
    expect(chunks.some(({ usage }) => usage)).toBe(false)
  })

  it.each([true, false])('calls tools, and goes on with what they said (streamed: %s)', async (streamed) => {
    const openai = await client()
    const ask = async (history: ChatCompletionMessageParam[]) => {
      const asked = { model: 'm', messages: history, tools }
      const answer = streamed
        ? await openai.chat.completions.stream(asked).finalChatCompletion()
        : await openai.chat.completions.create(asked)
      return answer.choices[0]!
    }
    const first = await ask([question])
    const calls = first.message.tool_calls ?? []
    expect(first.finish_reason).toBe('tool_calls')
    expect(
      calls.map((call) => call.type === 'function' && [call.function.name, call.function.arguments]),
    ).toEqual([
      ['get_weather', '{"city":"mock"}'],
      ['get_time', '{"city":"mock"}'],
    ])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    const results = calls.map(({ id }, index) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: `result ${index}`,
    }))
    const second = await ask([question, first.message, ...results])
    expect(second.finish_reason).toBe('stop')
    expect(second.message.content).toContain('result 0, result 1')
  })

  it.each([
    [400, BadRequestError],
    [401, AuthenticationError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
    [503, InternalServerError],
    [529, InternalServerError],
  ])('throws its own error for %i, whole and streamed', async (status, kind) => {
    const name = `error/${status}`
    const openai = await client(name)
    for (const stream of [false, true]) {
      const error: unknown = await openai.chat.completions
        .create({ model: name, messages, stream })
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(kind)
      expect(error).toMatchObject({
        status,
        error: { message: `The mock provider was asked for an error ${status}.` },
      })
      expect((error as APIError).headers?.get('retry-after') ?? null).toBe(
        [429, 503, 529].includes(status) ? '2' : null,
      )
    }
  })

  it('throws for an error of the gateway’s own', async () => {
    const openai = await client()
    const error: unknown = await openai.chat.completions
      .create({ model: 'another', messages })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ param: 'model', type: 'invalid_request_error' })
    expect((error as APIError).message).toContain('cannot use own model - must be: m')
  })

  it.each(['overloaded@6', 'cut@6', 'no-finish'])('throws for a stream that fails: %s', async (fault) => {
    const name = `chaos/${fault}`
    const openai = await client(name)
    const stream = await openai.chat.completions.create({ model: name, messages, stream: true })
    const words: string[] = []
    const read = async () => {
      for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? '')
    }
    await expect(read()).rejects.toThrow(APIError)
    expect(words.join('')).toContain('Hello')
  })

  it('cancels the provider by its AbortController', async () => {
    const name = 'chaos/stall@6'
    const openai = await client(name)
    const stream = await openai.chat.completions.create({ model: name, messages, stream: true })
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break // which aborts
    }
    expect(stream.controller.signal.aborted).toBe(true)
    await vi.waitFor(() => expect(mock.requests[0]?.state).toBe('aborted'), 10_000)
  })

  it('cancels the provider before the first token', async () => {
    const name = 'chaos/stall@0'
    const openai = await client(name)
    const controller = new AbortController()
    const pending = openai.chat.completions.create(
      { model: name, messages, stream: true },
      { signal: controller.signal },
    )
    await vi.waitFor(() => expect(mock.requests).toHaveLength(1), 10_000)
    controller.abort()
    await expect(pending).rejects.toThrow(APIUserAbortError)
    await vi.waitFor(() => expect(mock.requests[0]?.state).toBe('aborted'), 10_000)
  })

  it('gets JSON by a schema', async () => {
    const openai = await client('claude-sonnet-4-5')
    const answer = await openai.chat.completions.create({
      model: 'claude-sonnet-4-5',
      messages,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'place', strict: true, schema: parameters },
      },
    })
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ city: 'mock' })
  })
})
