import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, JSON_TYPE, SSE_TYPE } from '../../support/ai-provider.js'
import { close, delta, finish, open, START, STOP } from '../../support/anthropic-events.js'
import { faultsOfChunk, faultsOfCompletion } from '../../support/openai-schema.js'
import { readAsClient } from '../../support/streams.js'

const claude = (url: string, config: JsonObject = {}) =>
  aiConfig(url, {
    auth: { header_name: 'x-api-key', header_value: 'sk-ant' },
    ...config,
    model: { provider: 'anthropic', name: 'claude-sonnet-4-5', ...(config.model as JsonObject) },
  })

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [{ type: 'text', text: 'Hello 你好' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 25, output_tokens: 12 },
}

const streamOf = (...events: JsonObject[]) =>
  events.map((event) => `event: ${event.type as string}\ndata: ${JSON.stringify(event)}\n\n`).join('')

const GOOD = streamOf(
  START,
  open(0, { type: 'text', text: '' }),
  { type: 'ping' },
  delta(0, { type: 'text_delta', text: 'Hello' }),
  { type: 'event_of_next_year' },
  delta(0, { type: 'text_delta', text: ' 你好' }),
  close(0),
  finish('end_turn'),
  STOP,
)

describe('a chat with Anthropic', () => {
  it('goes out in its words', async () => {
    const upstream = await answering(200, JSON_TYPE, JSON.stringify(MESSAGE))
    const gateway = await aiGateway(claude(upstream.url))
    await post(gateway, {
      messages: [{ role: 'system', content: 'Be kind.' }, ...messages],
      temperature: 0.5,
    })
    const [request] = upstream.requests
    expect(request).toMatchObject({ method: 'POST', url: '/v1/messages' })
    expect(request?.headers).toMatchObject({
      'x-api-key': 'sk-ant',
      'anthropic-version': '2023-06-01',
      'content-type': 'application/json',
    })
    expect(upstream.bodies()[0]).toMatchObject({
      model: 'claude-sonnet-4-5',
      max_tokens: 4096,
      temperature: 0.5,
      messages: [{ role: 'user' }],
      stream: false,
    })
    expect(JSON.stringify(upstream.bodies()[0]?.system)).toContain('Be kind.')
  })

  it('comes back in OpenAI’s', async () => {
    const upstream = await answering(200, { ...JSON_TYPE, 'request-id': 'req_1' }, JSON.stringify(MESSAGE))
    const response = await post(await aiGateway(claude(upstream.url)), { messages })
    expect(response.headers.get('x-kong-llm-model')).toBe('anthropic/claude-sonnet-4-5')
    expect(response.headers.get('request-id')).toBe('req_1')
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const body = (await response.json()) as JsonObject
    expect(faultsOfCompletion(body)).toEqual([])
    expect(body).toMatchObject({
      id: 'msg_1',
      object: 'chat.completion',
      model: MESSAGE.model,
      choices: [{ message: { role: 'assistant', content: 'Hello 你好' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 25, completion_tokens: 12, total_tokens: 37 },
    })
  })

  it('is the same streamed', async () => {
    const upstream = await answering(200, SSE_TYPE, GOOD)
    const gateway = await aiGateway(claude(upstream.url))
    const asked = { messages, stream: true, stream_options: { include_usage: true } }
    const response = await post(gateway, asked)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('x-kong-llm-model')).toBe('anthropic/claude-sonnet-4-5')
    const seen = readAsClient(Buffer.from(await response.arrayBuffer()))
    expect(seen.chunks.flatMap(faultsOfChunk)).toEqual([])
    expect(seen).toMatchObject({
      done: true,
      error: undefined,
      whole: {
        id: 'msg_1',
        choices: [{ message: { role: 'assistant', content: 'Hello 你好' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 9, total_tokens: 14 },
      },
    })
  })

  it('shows its usage only to those who ask', async () => {
    const upstream = await answering(200, SSE_TYPE, GOOD)
    const response = await post(await aiGateway(claude(upstream.url)), { messages, stream: true })
    expect(await response.text()).not.toContain('usage')
  })

  it('becomes a stream where it came whole, and whole where it was streamed', async () => {
    const whole = await answering(200, JSON_TYPE, JSON.stringify(MESSAGE))
    const streamed = await post(await aiGateway(claude(whole.url)), { messages, stream: true })
    const seen = readAsClient(Buffer.from(await streamed.arrayBuffer()))
    expect(seen).toMatchObject({ done: true, whole: { choices: [{ message: { content: 'Hello 你好' } }] } })

    const upstream = await answering(200, SSE_TYPE, GOOD)
    const response = await post(await aiGateway(claude(upstream.url)), { messages })
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello 你好' } }] })
  })

  it('is an error in Kong’s words where the answer has no content', async () => {
    const upstream = await answering(200, JSON_TYPE, '{"nothing":1}')
    const { status, error } = await errorOf(await post(await aiGateway(claude(upstream.url)), { messages }))
    expect(status).toBe(500)
    expect(error.message).toMatch(/^transformation failed from type anthropic:\/\/llm\/v1\/chat: /)
  })

  it.each([
    ['is missing', undefined],
    ['makes no sense', 'much'],
  ])('needs no usage: where it %s', async (_, usage) => {
    const upstream = await answering(200, JSON_TYPE, JSON.stringify({ ...MESSAGE, usage }))
    const response = await post(await aiGateway(claude(upstream.url)), { messages })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello 你好' } }] })
  })

  it.each([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
    [
      { type: 'function', function: { name: 'f' } },
      { type: 'tool', name: 'f' },
    ],
  ])('has tool_choice %j as %j', async (tool_choice, gone) => {
    const upstream = await answering(200, JSON_TYPE, JSON.stringify(MESSAGE))
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    await post(await aiGateway(claude(upstream.url)), { messages, tools, tool_choice })
    expect(upstream.bodies()[0]?.tool_choice).toEqual(gone)
  })

  it('says what it had to leave out, or refuses it under strict', async () => {
    const upstream = await answering(200, JSON_TYPE, JSON.stringify(MESSAGE))
    const asked = { messages, seed: 7, logit_bias: { 1: 1 } }
    const response = await post(await aiGateway(claude(upstream.url)), asked)
    expect(response.headers.get('x-kong-llm-dropped')?.split(', ').toSorted()).toEqual(['logit_bias', 'seed'])
    const strict = await aiGateway(claude(upstream.url, { strict: true }))
    expect((await errorOf(await post(strict, asked))).status).toBe(400)
    expect(upstream.requests).toHaveLength(1)
  })

  it.each([
    [{ messages: [{ role: 'wizard', content: 'hi' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
  ])('names the field of a request that it cannot be: %j', async (body, param) => {
    const upstream = await answering(200, JSON_TYPE, JSON.stringify(MESSAGE))
    expect(await errorOf(await post(await aiGateway(claude(upstream.url)), body))).toMatchObject({
      status: 400,
      error: { param, type: 'invalid_request_error' },
    })
    expect(upstream.requests).toEqual([])
  })

  it.each([
    ['crlf', 'Hello from the mock provider!'],
    ['utf8split', '你好'],
  ])('survives the fault %s', async (fault, text) => {
    const mock = closing(await startMock({ pace: 0 }))
    const gateway = await aiGateway(claude(mock.url, { model: { name: `chaos/${fault}` } }))
    const response = await post(gateway, { messages, stream: true })
    const { whole, done } = readAsClient(Buffer.from(await response.arrayBuffer()))
    expect(done).toBe(true)
    expect(JSON.stringify(whole)).toContain(text)
  })
})
