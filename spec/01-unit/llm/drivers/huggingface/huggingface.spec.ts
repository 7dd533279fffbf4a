import { describe, expect, it } from 'vitest'
import { huggingface } from '../../../../../lib/llm/drivers/huggingface/index.js'
import { resolveEndpoint } from '../../../../../lib/llm/endpoint.js'
import { byteByByte } from '../../../../support/cuts.js'
import { DriverHarness, fixtureObject, framesOf, onlyError } from '../../../../support/driver-harness.js'
import { chunk, sse } from '../../../../support/streams.js'

const driver = new DriverHarness(huggingface, { model: 'org/model:groq', options: {}, stream: false })
const RESPONSES = 'kong/huggingface/llm-v1-chat/responses'

describe('a request to Hugging Face', () => {
  it('goes to the router, with its parameters where they count', () => {
    const messages = [{ role: 'developer' as const, content: 'Be brief.' }]
    const request = driver.request({ messages, top_k: 5, max_completion_tokens: 9, seed: 1, odd: true })
    expect(request).toEqual({
      origin: 'https://router.huggingface.co:443',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: {
        model: 'org/model:groq',
        messages: [{ role: 'system', content: 'Be brief.' }],
        top_k: 5,
        max_tokens: 9,
        seed: 1,
        odd: true,
      },
      dropped: [],
    })
  })

  it("goes to an endpoint of one's own, at the path that the config has or else the usual one", () => {
    const pathAt = (upstream_url: string) => resolveEndpoint(driver.request({}), { upstream_url }).path
    expect(pathAt('https://x.endpoints.huggingface.cloud')).toBe('/v1/chat/completions')
    expect(pathAt('https://x.endpoints.huggingface.cloud/my/chat')).toBe('/my/chat')
  })

  it('says in headers whether to use the cache and to wait, if the config does', () => {
    const headersWith = (config: object) => driver.request({}, { options: { huggingface: config } }).headers
    expect(headersWith({ use_cache: false, wait_for_model: true })).toMatchObject({
      'x-use-cache': 'false',
      'x-wait-for-model': 'true',
    })
    expect(Object.keys(headersWith({}))).toEqual(['content-type', 'accept'])
  })
})

describe('an answer of Hugging Face', () => {
  it("ends in OpenAI's words", () => {
    expect(driver.answered(fixtureObject(`${RESPONSES}/good.json`))).toMatchObject({
      object: 'chat.completion',
      model: 'mistralai/Mistral-7B-Instruct-v0.2',
      choices: [{ message: { role: 'assistant' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 26, completion_tokens: 40, total_tokens: 66 },
    })
  })

  it('is streamed with calls, reasoning, an end and usage', () => {
    const call = { index: 0, id: '0', type: 'function', function: { name: 'f', arguments: { a: 1 } } }
    const bytes = sse([
      chunk({ role: 'assistant', reasoning: 'Hm.' }),
      chunk({ tool_calls: [call] }, 'eos_token'),
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
    ])
    const { calls } = driver.stream(framesOf('sse', byteByByte(bytes)))
    expect(calls.slice(1)).toEqual([
      ['reasoning', 0, 'Hm.'],
      ['toolStart', 0, 0, '0', 'f', undefined],
      ['toolArgs', 0, 0, '{"a":1}'],
      ['finish', 0, 'tool_calls'],
      ['usage', { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }],
      ['done'],
      ['done'],
    ])
  })

  it.each([
    ['unauthorized.json', 401, /the token seems invalid/],
    ['bad_request.json', 400, /^Template error/],
    ['bad_response_model_load.json', 503, /is currently loading$/],
    ['bad_response_timeout.json', 504, /time out$/],
  ])('keeps the status and message of an error: %s', (file, status, message) => {
    const body = fixtureObject(`${RESPONSES}/${file}`)
    expect(huggingface.error(status, body)).toMatchObject({
      status,
      message: expect.stringMatching(message),
    })
    expect(onlyError(driver.response(body)).message).toMatch(message)
  })
})
