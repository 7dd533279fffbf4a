import OpenAI from 'openai'
import type { ChatCompletionChunk } from 'openai/resources/chat/completions'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { driverNames } from '../../../lib/llm/drivers/index.js'
import { isObject, type JsonObject } from '../../../lib/llm/json.js'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, FilterWatch, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, BodyReader, EVENTS, provider, SSE_TYPE } from '../../support/ai-provider.js'
import { delta, open, START } from '../../support/anthropic-events.js'
import { object } from '../../support/json.js'

const logging = { log_statistics: true }

/** What a provider's config has to have. */
const OPTIONS: Readonly<Record<string, JsonObject>> = {
  azure: { azure_instance: 'i', azure_api_version: '2024-10-21' }, // an older one is not asked for usage
  bedrock: { bedrock: { aws_region: 'us-east-1' } },
  databricks: { databricks: { workspace_instance_id: 'w' } },
  llama2: { llama2_format: 'raw' },
  mistral: { mistral_format: 'openai' },
}

/** Where the mock is not as the real one: it sends usage unasked to nobody, and token details to all. */
const MOCK_COUNTS: Readonly<Record<string, boolean>> = { databricks: false, perplexity: false, llama2: true }

function configOf(name: string, url: string, model: string): JsonObject {
  const options: JsonObject = { ...OPTIONS[name] }
  if (name === 'azure') options.azure_deployment_id = model
  return aiConfig(url, { logging, model: { provider: name, name: model, options } })
}

/** Azure’s first chunk has no choices either. */
function isUsageChunk({ choices, usage }: ChatCompletionChunk): boolean {
  return choices.length === 0 && isObject(usage)
}

function usageOf(entry: JsonObject): JsonObject {
  return object(object(object(entry.ai).proxy).usage)
}

describe.each(driverNames)('usage of a stream from %s', (name) => {
  let mock: Mock

  beforeEach(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    mock = closing(await startMock({ pace: 0 }))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  /** The chunks that the official client gets, and what the log says of their usage. */
  async function streamed(model: string, include: boolean) {
    const gateway = await aiGateway(configOf(name, mock.url, model))
    const client = new OpenAI({ baseURL: gateway.url, apiKey: 'k', maxRetries: 0 })
    const asked = include && { stream_options: { include_usage: true } }
    const chunks = []
    for await (const chunk of await client.chat.completions.create({
      model,
      messages,
      stream: true,
      ...asked,
    })) {
      chunks.push(chunk)
    }
    return { chunks, logged: usageOf(await gateway.entry()) }
  }

  it.each([
    ['the provider’s own', 'm', true],
    ['counted where it sends none', 'chaos/no-usage', false],
  ])('is the last chunk for a client that asked, alone in it: %s', async (_, model, isSent) => {
    const { chunks, logged } = await streamed(model, true)
    const last = chunks.at(-1)!
    expect(last).toMatchObject({ object: 'chat.completion.chunk', choices: [] })
    const { prompt_tokens, completion_tokens, total_tokens } = last.usage!
    expect(prompt_tokens).toBeGreaterThan(0)
    expect(completion_tokens).toBeGreaterThan(0)
    expect(total_tokens).toBe(prompt_tokens + completion_tokens)
    expect(chunks.filter(isUsageChunk)).toEqual([last])
    expect(chunks.some(({ choices }) => choices[0]?.finish_reason)).toBe(true)
    expect(logged).toMatchObject({ prompt_tokens, completion_tokens, total_tokens })
    expect(logged.estimated).toBe((MOCK_COUNTS[name] ?? isSent) ? undefined : true)
    expect(JSON.stringify(last)).not.toContain('estimated')
  })

  it.each(['m', 'chaos/no-usage'])('is for the log alone where no one asked: %s', async (model) => {
    const { chunks, logged } = await streamed(model, false)
    expect(chunks.some(isUsageChunk)).toBe(false)
    expect(logged.completion_tokens).toBeGreaterThan(0)
  })
})

describe('usage that is counted', () => {
  const silent = EVENTS.role + EVENTS.hello + EVENTS.there + EVENTS.finish + EVENTS.done
  const asking = { messages, stream: true, stream_options: { include_usage: true } }

  it('comes after everything that was said, which does not wait for it', async () => {
    const upstream = await answering(200, SSE_TYPE, silent)
    const watch = new FilterWatch()
    const gateway = await aiGateway(aiConfig(upstream.url, { logging }), { modules: [watch.module] })
    const text = await (await post(gateway, asking)).text()
    const said = EVENTS.role + EVENTS.hello + EVENTS.there + EVENTS.finish
    expect(text.startsWith(said)).toBe(true)
    expect(text.slice(said.length)).toMatch(
      /^data: \{.*"choices":\[\],"usage":\{.*\}\}\n\ndata: \[DONE\]\n\n$/,
    )
    let sent = ''
    for (let call = await watch.next(); ; call = await watch.next()) {
      // The end comes with the usage, what was said came without it.
      expect(call.eof).toBe(call.chunk.includes('"usage"'))
      sent += call.chunk
      if (call.eof) break
    }
    expect(sent).toBe(text)
  })

  it('is in a whole answer that came without', async () => {
    const body = '{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}],"x":1}'
    const upstream = await answering(200, { 'content-type': 'application/json' }, body)
    const gateway = await aiGateway(aiConfig(upstream.url, { logging }))
    const answer = (await (await post(gateway, { messages })).json()) as JsonObject
    expect(answer).toMatchObject({ id: 'c', x: 1, usage: { completion_tokens: 1 } })
    expect(usageOf(await gateway.entry())).toMatchObject({ ...object(answer.usage), estimated: true })
  })

  it('goes nowhere if the client does not stay for it', async () => {
    const upstream = await provider(({ response }) => {
      response.writeHead(200, SSE_TYPE)
      response.write(EVENTS.hello)
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { logging }))
    const client = new AbortController()
    const response = await post(gateway, asking, { signal: client.signal })
    await new BodyReader(response).expect(EVENTS.hello)
    client.abort()
    const { prompt_tokens, completion_tokens, estimated } = usageOf(await gateway.entry())
    expect({ completion_tokens, estimated }).toEqual({ completion_tokens: 1, estimated: true })
    expect(prompt_tokens).toBeGreaterThan(7)
  })

  it('reaches up to where the provider broke off', async () => {
    const upstream = await provider(({ response }) => {
      response.writeHead(200, SSE_TYPE)
      response.write(EVENTS.hello, () => response.destroy())
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { logging }))
    expect(await (await post(gateway, asking)).text()).toContain('"error"')
    expect(usageOf(await gateway.entry())).toMatchObject({ completion_tokens: 1, estimated: true })
  })

  it('has Anthropic’s count of the prompt, and a price', async () => {
    const upstream = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.event(START)
      turn.event(open(0, { type: 'text', text: '' }))
      turn.event(delta(0, { type: 'text_delta', text: 'One two three four five' }))
      turn.response.end()
    })
    const options = { input_cost: 10, output_cost: 100 }
    const config = { logging, model: { provider: 'anthropic', name: 'claude-sonnet-4-5', options } }
    const gateway = await aiGateway(aiConfig(upstream.url, config))
    await (await post(gateway, asking)).text()
    const own = object(object(START.message).usage).input_tokens
    expect(usageOf(await gateway.entry())).toMatchObject({
      prompt_tokens: own,
      completion_tokens: 6,
      cost: (Number(own) * 10 + 6 * 100) / 1e6,
    })
  })
})

describe('usage of what passes untouched', () => {
  it('is counted where the client of a provider’s own format leaves', async () => {
    const upstream = await provider((turn) => {
      turn.head(200, SSE_TYPE)
      turn.event(START)
      turn.event(open(0, { type: 'text', text: '' }))
      turn.event(delta(0, { type: 'text_delta', text: 'One two three four five' }))
    })
    const model = { provider: 'anthropic', name: 'claude-sonnet-4-5' }
    const gateway = await aiGateway(aiConfig(upstream.url, { logging, llm_format: 'anthropic', model }))
    const leaving = new AbortController()
    const body = { model: 'claude-sonnet-4-5', max_tokens: 9, messages, stream: true }
    const response = await post(gateway, body, { path: '/v1/messages', signal: leaving.signal })
    const reader = new BodyReader(response)
    for (let text = ''; !text.includes('five'); text += await reader.next());
    leaving.abort()
    expect(usageOf(await gateway.entry())).toMatchObject({
      prompt_tokens: object(object(START.message).usage).input_tokens,
      completion_tokens: 6,
      estimated: true,
    })
  })

  it('is counted of a preserved stream that nobody asked for usage', async () => {
    const { role, hello, finish, done } = EVENTS
    const upstream = await answering(200, SSE_TYPE, role + hello + finish + done)
    const gateway = await aiGateway(aiConfig(upstream.url, { logging, route_type: 'preserve' }))
    await (await post(gateway, { messages, stream: true }, { path: '/v1/chat/completions' })).text()
    expect(upstream.bodies()).toEqual([{ messages, stream: true }])
    expect(usageOf(await gateway.entry())).toMatchObject({ completion_tokens: 1, estimated: true })
  })
})

describe('cost', () => {
  it('prices what came from the prompt cache and what went to it', async () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 1000,
      cache_creation_input_tokens: 100,
      output_tokens: 20,
    }
    const answer = { id: 'm', type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Hi' }] }
    const body = JSON.stringify({ ...answer, stop_reason: 'end_turn', usage })
    const upstream = await answering(200, { 'content-type': 'application/json' }, body)
    const prices = { input_cost: 3, output_cost: 15, cache_read_cost: 0.3, cache_write_cost: 3.75 }
    const model = { provider: 'anthropic', name: 'claude-sonnet-4-5', options: prices }
    const gateway = await aiGateway(aiConfig(upstream.url, { logging, model }))
    await (await post(gateway, { messages })).arrayBuffer()
    expect(usageOf(await gateway.entry()).cost).toBeCloseTo(
      (10 * 3 + 1000 * 0.3 + 100 * 3.75 + 20 * 15) / 1e6,
    )
  })
})
