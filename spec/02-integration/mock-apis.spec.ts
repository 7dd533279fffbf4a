import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../lib/llm/json.js'
import { startMock, type Mock } from '../../lib/mock/server.js'
import { framesOf, gather } from '../support/frames-of.js'

let mock: Mock

beforeAll(async () => {
  mock = await startMock({ pace: 0 })
})

afterAll(() => mock.close())

function post(path: string, body: unknown): Promise<Response> {
  return fetch(mock.url + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'anthropic-version': '2023-06-01' },
  })
}

describe('every API of the mock', () => {
  const messages = [{ role: 'user', content: 'Say 你好 👋' }]
  const chat = { model: 'm', messages }
  const contents = [{ role: 'user', parts: [{ text: 'Say 你好 👋' }] }]
  const converse = { messages: [{ role: 'user', content: [{ text: 'Say 你好 👋' }] }] }
  const inputs = { inputs: 'Say 你好 👋' }
  const stream = { stream: true }

  const wholeAndStreamed: [name: string, keys: string[], [string, object], [string, object]][] = [
    [
      'openai',
      ['content'],
      ['/v1/chat/completions', chat],
      ['/serving-endpoints/v1/chat/completions', { ...chat, ...stream }],
    ],
    [
      'azure',
      ['content'],
      ['/openai/deployments/d/chat/completions?api-version=1', { messages }],
      ['/openai/v1/chat/completions', { ...chat, ...stream }],
    ],
    [
      'anthropic',
      ['text'],
      ['/v1/messages', { ...chat, max_tokens: 99 }],
      ['/v1/messages', { ...chat, max_tokens: 99, ...stream }],
    ],
    [
      'gemini',
      ['text'],
      ['/v1beta/models/g:generateContent', { contents }],
      ['/v1beta/models/g:streamGenerateContent?alt=sse', { contents }],
    ],
    [
      'vertex',
      ['text'],
      ['/v1/projects/p/locations/l/publishers/google/models/g:generateContent', { contents }],
      ['/v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent', { contents }],
    ],
    [
      'bedrock',
      ['text'],
      ['/model/anthropic.claude%3A0/converse', converse],
      ['/model/anthropic.claude%3A0/converse-stream', converse],
    ],
    ['cohere', ['text'], ['/v2/chat', chat], ['/v2/chat', { ...chat, ...stream }]],
    ['ollama chat', ['content'], ['/api/chat', { ...chat, stream: false }], ['/api/chat', chat]],
    [
      'ollama generate',
      ['response'],
      ['/api/generate', { model: 'm', prompt: 'Say 你好 👋', stream: false }],
      ['/api/generate', { model: 'm', prompt: 'Say 你好 👋' }],
    ],
    [
      'huggingface',
      ['content'],
      ['/models/org/m/v1/chat/completions', { messages }],
      ['/models/org/m/v1/chat/completions', { messages, ...stream }],
    ],
  ]

  it.each(wholeAndStreamed)('%s says the same whole and streamed', async (_, keys, whole, streamed) => {
    const response = await post(...whole)
    const text = gather(await response.json(), keys)
    expect(text).toContain('“Say 你好 👋”')
    const frames = await framesOf(await post(...streamed))
    expect(frames.length).toBeGreaterThan(10)
    expect(frames.map(({ data }) => gather(parseJson(data), keys)).join('')).toBe(text)
  })

  it('text generation inference says the same whole and streamed, and in a list below a model', async () => {
    const { generated_text: text } = JSON.parse(await (await post('/generate', inputs)).text())
    expect(text).toContain('“Say 你好 👋”')
    const frames = (await framesOf(await post('/generate_stream', inputs))).map(({ data }) =>
      JSON.parse(data),
    )
    expect(frames.map(({ token }) => token.text).join('')).toBe(text)
    expect(frames.at(-1)).toMatchObject({ generated_text: text, details: { finish_reason: 'eos_token' } })
    expect(await (await post('/models/org/m', inputs)).json()).toMatchObject([{ generated_text: text }])
  })

  const errors: [name: string, path: string, body: object, expected: object][] = [
    [
      'openai',
      '/v1/chat/completions',
      { ...chat, model: 'error/429' },
      { error: { code: 'rate_limit_exceeded' } },
    ],
    ['azure', '/openai/deployments/error%2F429/chat/completions', { messages }, { error: { code: '429' } }],
    [
      'anthropic',
      '/v1/messages',
      { ...chat, model: 'error/429', max_tokens: 9 },
      { type: 'error', error: { type: 'rate_limit_error' } },
    ],
    [
      'gemini',
      '/v1beta/models/error%2F429:generateContent',
      { contents },
      { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } },
    ],
    [
      'gemini array',
      '/v1beta/models/error%2F429:streamGenerateContent',
      { contents },
      [{ error: { code: 429 } }],
    ],
    ['bedrock', '/model/error%2F429/converse', converse, { message: expect.any(String) }],
    ['cohere', '/v2/chat', { ...chat, model: 'error/429' }, { message: expect.any(String) }],
    ['ollama', '/api/chat', { ...chat, model: 'error/429' }, { error: expect.any(String) }],
    [
      'huggingface',
      '/models/error/429/v1/chat/completions',
      { messages },
      { error: expect.any(String), error_type: 'overloaded' },
    ],
  ]

  it.each(errors)(
    '%s gives an error of the asked status in its own shape',
    async (_, path, body, expected) => {
      const response = await post(path, body)
      expect(response.status).toBe(429)
      expect(response.headers.get('retry-after')).toBe('2')
      expect(await response.json()).toMatchObject(expected)
    },
  )

  describe('with a tool', () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } }
    const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }]

    /** The events of a stream, each kind once in a row. */
    async function order(path: string, body: object, kind: (data: string, event: string) => string) {
      const kinds = (await framesOf(await post(path, body))).map(({ data, event }) => kind(data, event))
      return kinds.filter((one, at) => one !== kinds[at - 1])
    }

    it('bedrock starts only the block of the call, stops both, and gives the metadata last', async () => {
      const toolConfig = { tools: [{ toolSpec: { name: 'get_weather', inputSchema: { json: parameters } } }] }
      const body = { ...converse, toolConfig }
      const kind = (data: string, event: string) =>
        `${event} ${JSON.parse(data).contentBlockIndex ?? ''}`.trim()
      expect(await order('/model/m/converse-stream', body, kind)).toEqual([
        'messageStart',
        'contentBlockDelta 0',
        'contentBlockStop 0',
        'contentBlockStart 1',
        'contentBlockDelta 1',
        'contentBlockStop 1',
        'messageStop',
        'metadata',
      ])
    })

    it('cohere plans, calls and ends the call', async () => {
      const kind = (_: string, event: string) => event
      expect(await order('/v2/chat', { ...chat, ...stream, tools }, kind)).toEqual([
        'message-start',
        'tool-plan-delta',
        'tool-call-start',
        'tool-call-delta',
        'tool-call-end',
        'message-end',
      ])
    })

    it('gemini and ollama give a call whole', async () => {
      const declared = { contents, tools: [{ functionDeclarations: [tools[0]?.function] }] }
      const gemini = await framesOf(await post('/v1beta/models/g:streamGenerateContent', declared))
      const [part] = JSON.parse(gemini.at(-2)!.data).candidates[0].content.parts
      expect(part.functionCall).toEqual({ name: 'get_weather', args: { city: 'mock' } })

      const ollama = await framesOf(await post('/api/chat', { ...chat, tools }))
      const [call] = JSON.parse(ollama.at(-2)!.data).message.tool_calls
      expect(call.function).toMatchObject({ name: 'get_weather', arguments: { city: 'mock' } })
    })
  })

  it('names a fault of bedrock in a header', async () => {
    const response = await post('/model/error%2F429/converse', converse)
    expect(response.headers.get('x-amzn-errortype')).toMatch(/^ThrottlingException:/)
  })

  it.each(errors)('%s answers 400 to a body that is no JSON', async (_, path) => {
    expect((await post(path, '{"model":')).status).toBe(400)
  })

  it('answers 404 to a path that no API has, and 405 to another method than POST', async () => {
    expect((await post('/v1/nothing', {})).status).toBe(404)
    expect((await fetch(`${mock.url}/v1/chat/completions`)).status).toBe(405)
  })
})
