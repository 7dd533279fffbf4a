import OpenAI from 'openai'
import { beforeEach, describe, expect, it } from 'vitest'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, JSON_TYPE, SSE_TYPE } from '../../support/ai-provider.js'
import { faultsOfTextCompletion } from '../../support/openai-schema.js'

const COMPLETION =
  '{ "id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"Hi","index":0,"logprobs":null,"finish_reason":"stop"}]}'
const WHOLE = COMPLETION.replace(/}$/, ',"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}')
const STREAM = `data: ${COMPLETION.replace('"stop"', 'null')}\n\ndata: ${COMPLETION.replace('"Hi"', '""')}\n\ndata: [DONE]\n\n`

describe('text completions of OpenAI', () => {
  it('pass byte by byte, whole', async () => {
    const upstream = await answering(200, JSON_TYPE, WHOLE)
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'llm/v1/completions' }))
    const response = await post(gateway, { prompt: 'Say hi' })
    expect(await response.text()).toBe(WHOLE)
    expect(response.headers.get('x-kong-llm-model')).toBe('openai/gpt-4o')
    expect(upstream.requests[0]?.url).toBe('/v1/completions')
    expect(upstream.bodies()[0]).toEqual({ prompt: 'Say hi', model: 'gpt-4o' })
  })

  it('pass byte by byte, streamed', async () => {
    const upstream = await answering(200, SSE_TYPE, STREAM)
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'llm/v1/completions' }))
    const response = await post(gateway, { prompt: 'Say hi', stream: true })
    expect(await response.text()).toBe(STREAM)
  })

  it('are errors with Kong’s words where they are none', async () => {
    const upstream = await answering(200, JSON_TYPE, '{}')
    const gateway = await aiGateway(aiConfig(upstream.url, { route_type: 'llm/v1/completions' }))
    const response = await post(gateway, { prompt: 'Say hi' })
    expect(response.status).toBe(500)
    expect(await response.text()).toContain(
      "transformation failed from type openai://llm/v1/completions: 'choices' not in llm/v1/completions response",
    )
  })
})

describe.each(['openai', 'anthropic'])('text completions of %s, by the official client', (provider) => {
  let mock: Mock
  let client: OpenAI

  beforeEach(async () => {
    mock = closing(await startMock({ pace: 0 }))
    const { url } = await aiGateway(
      aiConfig(mock.url, { route_type: 'llm/v1/completions', model: { provider, name: 'm' } }),
    )
    client = new OpenAI({ baseURL: url, apiKey: 'sk-of-the-client', maxRetries: 0 })
  })

  it('come whole', async () => {
    const answer = await client.completions.create({ model: 'm', prompt: 'Ahoy', max_tokens: 99 })
    expect(faultsOfTextCompletion(answer)).toEqual([])
    expect(answer.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop' })
    expect(answer.choices[0]?.text).toContain('Ahoy')
    expect(answer.usage?.completion_tokens).toBeGreaterThan(5)
  })

  it('come as a stream of the same text', async () => {
    const whole = await client.completions.create({ model: 'm', prompt: 'Ahoy', max_tokens: 99 })
    const stream = await client.completions.create({
      model: 'm',
      prompt: 'Ahoy',
      max_tokens: 99,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const chunks = []
    for await (const chunk of stream) {
      chunks.push(chunk)
      text += chunk.choices[0]?.text ?? ''
    }
    expect(text).toBe(whole.choices[0]?.text)
    expect(chunks.every(({ object }) => object === 'text_completion')).toBe(true)
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
  })

  it('end at the limit', async () => {
    const answer = await client.completions.create({ model: 'm', prompt: 'Ahoy', max_tokens: 3 })
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(mock.requests[0]?.body).toMatchObject({ max_tokens: 3 })
  })
})

it('reports what no chat request can express', async () => {
  const mock = closing(await startMock({ pace: 0 }))
  const gateway = await aiGateway(
    aiConfig(mock.url, { route_type: 'llm/v1/completions', model: { provider: 'anthropic' } }),
  )
  const response = await post(gateway, { prompt: 'a', echo: true, best_of: 2, suffix: 'z' })
  expect(response.status).toBe(200)
  expect(response.headers.get('x-kong-llm-dropped')?.split(', ').toSorted()).toEqual([
    'best_of',
    'echo',
    'suffix',
  ])
})
