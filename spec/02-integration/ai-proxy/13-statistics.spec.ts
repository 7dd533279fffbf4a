import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, messages, post, PROVIDER_KEY } from '../../support/ai-gateway.js'
import { answering, COMPLETION, JSON_TYPE, SSE_TYPE, STREAM } from '../../support/ai-provider.js'
import { object, parseObject } from '../../support/json.js'

const PRICES = { input_cost: 10, output_cost: 10 }
const logged = { logging: { log_statistics: true }, model: { options: PRICES } }
const payloads = { logging: { log_statistics: true, log_payloads: true } }

async function entryOf(config: JsonObject, asked: JsonObject, answer: Parameters<typeof answering>) {
  const upstream = await answering(...answer)
  const gateway = await aiGateway(aiConfig(upstream.url, config))
  await (await post(gateway, asked)).arrayBuffer()
  return await gateway.entry()
}

const whole: Parameters<typeof answering> = [200, JSON_TYPE, COMPLETION]
const streamed: Parameters<typeof answering> = [200, SSE_TYPE, STREAM]

describe('statistics', () => {
  it.each([
    ['whole', 'oneshot', { messages }, whole],
    ['streamed', 'stream', { messages, stream: true }, streamed],
  ] as const)('of an answer, %s', async (_, request_mode, asked, answer) => {
    const { ai } = await entryOf(logged, asked, answer)
    const { meta, usage } = object(object(ai).proxy)
    expect(meta).toEqual({
      plugin_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      provider_name: 'openai',
      request_model: 'gpt-4o',
      response_model: 'gpt-4o-2024-08-06',
      request_mode,
      llm_latency: expect.any(Number) as number,
    })
    const { time_per_token, time_to_first_token, ...counts } = object(usage)
    expect(counts).toEqual({
      prompt_tokens: 25,
      completion_tokens: 12,
      total_tokens: 37,
      cost: 0.00037,
    })
    const { llm_latency } = object(meta)
    expect(Number.isInteger(llm_latency)).toBe(true)
    expect(Math.floor(Number(time_per_token) * 12)).toBe(llm_latency)
    expect(Number(time_to_first_token)).toBeLessThanOrEqual(Number(llm_latency))
  })

  it.each([
    ['one price is missing', { input_cost: 10 }, 0],
    ['there are no prices', {}, 0],
    ['the prices differ', { input_cost: 2.5, output_cost: 10 }, (25 * 2.5 + 12 * 10) / 1e6],
  ])('cost what they cost where %s', async (_, options, cost) => {
    const { ai } = await entryOf({ ...logged, model: { options } }, { messages }, whole)
    expect(ai).toMatchObject({ proxy: { usage: { cost } } })
  })

  it.each([
    ['statistics are off', {}],
    ['only payloads are on', { logging: { log_payloads: true } }],
  ])('are not in the log where %s', async (_, config) => {
    expect(await entryOf(config, { messages }, whole)).not.toHaveProperty('ai')
  })

  it('are not in the log of a request that was refused', async () => {
    expect(await entryOf(logged, {}, whole)).not.toHaveProperty('ai')
  })

  it('name what is known of an answer that failed', async () => {
    const { ai } = await entryOf(logged, { messages }, [500, {}, '<html>'])
    expect(ai).toMatchObject({
      proxy: {
        meta: { request_model: 'gpt-4o', response_model: 'gpt-4o' },
        usage: { time_per_token: 0, cost: 0 },
      },
    })
  })

  it('count what a preserve route says of itself', async () => {
    const body = '{"object":"list","model":"ada-2","usage":{"prompt_tokens":25,"total_tokens":25}}'
    const config = { ...logged, route_type: 'preserve' }
    const { ai } = await entryOf(config, { model: 'ada' }, [200, JSON_TYPE, body])
    expect(ai).toMatchObject({
      proxy: { meta: { response_model: 'ada-2' }, usage: { prompt_tokens: 25, total_tokens: 25 } },
    })
  })
})

describe('payloads', () => {
  it('are request and answer as they went over the wire', async () => {
    const { ai } = await entryOf(payloads, { messages }, whole)
    const request = JSON.stringify({ messages, model: 'gpt-4o' })
    expect(ai).toMatchObject({ proxy: { payload: { request, response: COMPLETION } } })
  })

  it('hold what a stream adds up to, with the usage that only we asked for', async () => {
    const { ai } = await entryOf(payloads, { messages, stream: true }, streamed)
    const { response } = object(object(object(ai).proxy).payload)
    expect(parseObject(response as string)).toMatchObject({
      id: 'chatcmpl-7',
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'Hello 你好' }, finish_reason: 'stop' }],
      usage: { total_tokens: 37 },
    })
  })

  it('hold no answer where there was none', async () => {
    const { ai } = await entryOf(payloads, { messages }, [401, JSON_TYPE, '{}'])
    expect(object(object(object(ai).proxy).payload).response).toBeUndefined()
  })
})

describe('a log entry', () => {
  const secrets = {
    authorization: 'Bearer sk-client',
    cookie: 'sk-client',
    'x-api-key': 'sk-client',
    'api-key': 'sk-client',
  }

  it.each([
    ['a header', { header_name: 'Authorization', header_value: PROVIDER_KEY }],
    ['the query', { param_name: 'key', param_value: PROVIDER_KEY, param_location: 'query' }],
    ['the body', { param_name: 'key', param_value: PROVIDER_KEY, param_location: 'body' }],
  ])('holds no secret: key in %s', async (_, auth) => {
    const upstream = await answering(200, { ...JSON_TYPE, 'set-cookie': 'sk-client' }, COMPLETION)
    const gateway = await aiGateway(aiConfig(upstream.url, { ...payloads, auth }))
    await (await post(gateway, { messages }, { headers: secrets, path: '/chat?key=sk-client' })).arrayBuffer()
    const entry = JSON.stringify(await gateway.entry())
    expect(entry).toContain('"payload"')
    expect(entry).not.toContain('sk-client')
    expect(entry).not.toContain(PROVIDER_KEY)
  })
})
