import OpenAI, { APIError, RateLimitError } from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { driverNames } from '../../../lib/llm/drivers/index.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { answering, JSON_TYPE } from '../../support/ai-provider.js'

/** Each provider with the options that it needs, and those with several APIs with each of them. */
const PROVIDERS: { provider: string; options: JsonObject }[] = [
  ...driverNames.filter((name) => name !== 'llama2').map((provider) => ({ provider, options: {} })),
  { provider: 'mistral', options: { mistral_format: 'ollama' } },
  { provider: 'llama2', options: { llama2_format: 'openai' } },
  { provider: 'llama2', options: { llama2_format: 'ollama' } },
]
const NEEDED: Readonly<Record<string, JsonObject>> = {
  azure: { azure_instance: 'i', azure_deployment_id: 'd', azure_api_version: 'v1' },
  bedrock: { bedrock: { aws_region: 'us-east-1' } },
  mistral: { mistral_format: 'openai' },
}

let mock: Mock

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  mock = await startMock({ pace: 0 })
})
afterAll(async () => {
  await mock.close()
  vi.unstubAllEnvs()
})

/** A gateway in front of the provider; Azure's v1 API has its model where the mock looks for faults. */
function behind(
  provider: string,
  name: string,
  options: JsonObject = {},
  more: JsonObject = {},
  url = mock.url,
) {
  const azure = provider === 'azure' && { azure_deployment_id: name }
  const model = { provider, name, options: { ...NEEDED[provider], ...azure, ...options } }
  // Bedrock's own credential is a signature, which the environment has the keys of.
  const auth =
    provider === 'bedrock'
      ? { allow_override: false }
      : { header_name: 'X-Key', header_value: 'k', allow_override: false }
  return aiGateway(aiConfig(url, { model, auth, ...more }))
}

describe.each(PROVIDERS)('an error of $provider ($options)', ({ provider, options }) => {
  it.each([
    [401, false],
    [404, false],
    [429, true],
    [500, false],
    [503, true],
  ])('of status %i keeps it, in the shape of OpenAI (streamed: %s)', async (status, stream) => {
    const name = `error/${status}`
    const gateway = await behind(provider, name, options)
    const response = await post(gateway, { messages, stream })
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    const said = await errorOf(response)
    expect(said.status).toBe(status)
    expect(Object.keys(said.error).toSorted()).toEqual(['code', 'message', 'param', 'type'])
    expect(said.error.message).not.toBe('')
    expect(JSON.stringify(said.error)).not.toContain('Error:')
  })

  it('is thrown by the official client', async () => {
    const gateway = await behind(provider, 'error/429', options)
    const openai = new OpenAI({ baseURL: gateway.url, apiKey: 'x', maxRetries: 0 })
    const asked = openai.chat.completions.create({ model: 'error/429', messages })
    await expect(asked).rejects.toThrow(RateLimitError)
  })

  it('in a stream is one error event and its end', async () => {
    const gateway = await behind(provider, 'chaos/overloaded@6', options)
    const text = await (await post(gateway, { messages, stream: true })).text()
    const events = text.trimEnd().split('\n\n')
    const errors = events.filter((event) => event.startsWith('data: {"error":{'))
    expect(errors).toHaveLength(1)
    expect(events.at(-1)).toBe(errors[0])
    expect(events.length).toBeGreaterThan(2)
    expect(text).not.toContain('[DONE]')
    expect(text).not.toContain('event:')
  })

  it('that comes before anything was said has a status of its own', async () => {
    const gateway = await behind(provider, 'chaos/overloaded@0', options)
    const { status, error } = await errorOf(await post(gateway, { messages, stream: true }))
    expect(status).toBeGreaterThanOrEqual(500)
    expect(error.message).not.toBe('')
  })

  it('in a stream is thrown by the official client', async () => {
    const gateway = await behind(provider, 'chaos/overloaded@6', options)
    const openai = new OpenAI({ baseURL: gateway.url, apiKey: 'x', maxRetries: 0 })
    const stream = openai.chat.completions.stream({ model: 'chaos/overloaded@6', messages })
    await expect(stream.finalChatCompletion()).rejects.toThrow(APIError)
  })

  it('is told where a stream breaks off', async () => {
    const gateway = await behind(provider, 'chaos/cut@6', options)
    const text = await (await post(gateway, { messages, stream: true })).text()
    expect(text.trimEnd().split('\n\n').at(-1)).toContain('"code":"answer_cut_off"')
    expect(text).not.toContain('[DONE]')
  })

  it('is told where an answer is none', async () => {
    const upstream = await answering(200, JSON_TYPE, '{"not":"an answer"}')
    const gateway = await behind(provider, 'm', options, {}, upstream.url)
    const { status, error } = await errorOf(await post(gateway, { messages }))
    expect(status).toBe(500)
    expect(error.message).toMatch(new RegExp(`^transformation failed from type ${provider}://llm/v1/chat`))
  })
})

/** A field that the provider cannot express. Those that are not here take all that OpenAI's API has. */
const INEXPRESSIBLE: [provider: string, field: JsonObject, options?: JsonObject][] = [
  ['openai', { top_k: 5 }],
  ['azure', { top_k: 5 }],
  ['anthropic', { seed: 1 }],
  ['gemini', { logit_bias: { 1: 2 } }],
  ['bedrock', { seed: 1 }],
  ['cohere', { logit_bias: { 1: 2 } }],
  ['mistral', { logit_bias: { 1: 2 } }, { mistral_format: 'ollama' }],
  ['llama2', { logit_bias: { 1: 2 } }, { llama2_format: 'raw' }],
  ['llama2', { n: 2 }, { llama2_format: 'ollama' }],
  ['ollama', { logit_bias: { 1: 2 } }],
  ['deepseek', { n: 2 }],
  ['xai', { logit_bias: { 1: 2 } }],
  ['cerebras', { logit_bias: { 1: 2 } }],
  ['dashscope', { logit_bias: { 1: 2 } }],
  ['groq', { n: 2 }],
  ['perplexity', { seed: 1 }],
  ['moonshot', { seed: 1 }],
]

describe.each(INEXPRESSIBLE)('what %s cannot express, %j', (provider, field, options = {}) => {
  const [name] = Object.keys(field)

  it('is named in a header of the answer', async () => {
    const gateway = await behind(provider, 'm', options)
    const response = await post(gateway, { messages, ...field })
    expect([response.status, response.headers.get('x-kong-llm-dropped')]).toEqual([200, name])
    expect(JSON.stringify(mock.requests.at(-1)?.body)).not.toContain(`"${name}"`)
  })

  it('is refused where the config is strict', async () => {
    const sent = mock.requests.at(-1)
    const gateway = await behind(provider, 'm', options, { strict: true })
    const { status, error } = await errorOf(await post(gateway, { messages, ...field }))
    expect([status, error.param, mock.requests.at(-1)]).toEqual([400, name, sent])
  })
})
