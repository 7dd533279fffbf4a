import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway, post, type AiGateway } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { COMPLETION, JSON_TYPE, provider } from '../../support/ai-provider.js'
import { FAMILIES, familyConfig, outcome } from '../../support/families.js'
import { object, parseObject } from '../../support/json.js'
import { rawClient } from '../../support/raw-http.js'

const messages = [{ role: 'user', content: 'Hi' }]
const DEEP = 100_000
const deep = (open: string, close: string) => open.repeat(DEEP) + '1' + close.repeat(DEEP)

/** The text of each body, and the field that is wrong in it. */
const BODIES: [body: string, param: string][] = [
  ['', 'messages'],
  ['null', 'messages'],
  ['[]', 'messages'],
  ['7', 'messages'],
  ['"text"', 'messages'],
  ['{', 'messages'],
  ['{"messages":', 'messages'],
  ['{"messages":{}}', 'messages'],
  ['{"messages":"hi"}', 'messages'],
  ['\uFEFF\0', 'messages'],
]

/** Wrong at every level of a message: all but the providers of the same format, which judge themselves, say so. */
const MESSAGES: [message: unknown, param: string][] = [
  [null, 'messages[0]'],
  [7, 'messages[0]'],
  [[], 'messages[0]'],
  ['text', 'messages[0]'],
  [{}, 'messages[0].role'],
  [{ role: 7, content: 'x' }, 'messages[0].role'],
  [{ role: 'root', content: 'x' }, 'messages[0].role'],
  [{ role: '__proto__', content: 'x' }, 'messages[0].role'],
  [{ role: 'user' }, 'messages[0].content'],
  [{ role: 'user', content: null }, 'messages[0].content'],
  [{ role: 'user', content: {} }, 'messages[0].content'],
  [{ role: 'user', content: [] }, 'messages[0].content'],
  [{ role: 'user', content: [7] }, 'messages[0].content[0]'],
  [{ role: 'user', content: [{ type: 'text', text: {} }] }, 'messages[0].content[0].text'],
  [{ role: 'user', content: [{ type: 'image_url' }] }, 'messages[0].content[0].image_url'],
  [
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
    'messages[0].content[0].image_url.url',
  ],
  [{ role: 'assistant', tool_calls: {} }, 'messages[0].tool_calls'],
  [{ role: 'assistant', tool_calls: [null] }, 'messages[0].tool_calls[0]'],
  [
    { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: [], arguments: '' } }] },
    'messages[0].tool_calls[0].function.name',
  ],
  [{ role: 'tool', content: 'x' }, 'messages[0].tool_call_id'],
  [{ role: 'tool', tool_call_id: {}, content: 'x' }, 'messages[0].tool_call_id'],
]

const NATIVE = new Set(['openai', 'azure', 'mistral', 'deepseek'])

async function running(name: string, more: JsonObject = {}) {
  const mock = closing(await startMock({ pace: 0 }))
  return { mock, gateway: await aiGateway(familyConfig(name, mock.url, more)) }
}

function send(gateway: AiGateway, body: string): Promise<Response> {
  return fetch(`${gateway.url}/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
}

describe.each(FAMILIES)('in front of %s', (name) => {
  it('a body that is no request is a 400 that names the field', async () => {
    const { gateway, mock } = await running(name)
    for (const [body, param] of BODIES) {
      const { status, error } = await outcome(await send(gateway, body))
      expect({ body, status, param: error?.param }).toEqual({ body, status: 400, param })
    }
    expect(mock.requests).toEqual([])
    expect(gateway.problems).toEqual([])
  })

  it('a body of many levels is a 400', async () => {
    const { gateway } = await running(name)
    for (const body of [
      deep('[', ']'),
      deep('{"a":', '}'),
      `{"messages":${deep('[', ']')}}`,
      `{"messages":[{"role":"user","content":${deep('[', ']')}}]}`,
      `{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":${deep('{"a":', '}')}}}]}`,
      `{"messages":[{"role":"user","content":"x"}],"metadata":${deep('{"a":', '}')}}`,
    ]) {
      const { status, error } = await outcome(await send(gateway, body))
      expect({ start: body.slice(0, 60), status }).toEqual({ start: body.slice(0, 60), status: 400 })
      expect(error?.param).toBe('messages')
    }
    expect(gateway.problems).toEqual([])
  })

  it('arguments of many levels are text like any other', async () => {
    const { gateway } = await running(name)
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: deep('[', ']') } }
    const turns = [...messages, { role: 'assistant', tool_calls: [call] }]
    const answer = { role: 'tool', tool_call_id: 'c', content: deep('{"a":', '}').slice(0, 400_000) }
    const { status } = await outcome(await post(gateway, { messages: [...turns, answer, ...messages] }))
    expect(status).toBeLessThan(500)
    expect(gateway.problems).toEqual([])
  })

  it('a key that means something to JavaScript means nothing here', async () => {
    const { gateway } = await running(name)
    const evil = '{"polluted":true,"role":"system","toString":7,"messages":null}'
    for (const key of [
      '__proto__',
      'constructor',
      'prototype',
      'hasOwnProperty',
      'toString',
      'toJSON',
      'then',
    ]) {
      const body = `{"${key}":${evil},"messages":[{"${key}":${evil},"role":"user","content":"Hi"}],"metadata":{"${key}":${evil}},"logit_bias":{"${key}":1},"stream_options":{"${key}":${evil}}}`
      const response = await send(gateway, body)
      expect({ key, isFine: response.status < 500 }).toEqual({ key, isFine: true })
      await response.text()
    }
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as JsonObject).polluted).toBeUndefined()
    expect(gateway.problems).toEqual([])
  })

  it.skipIf(NATIVE.has(name))('a message wrong at any level is a 400 that names the place', async () => {
    const { gateway, mock } = await running(name)
    for (const [message, param] of MESSAGES) {
      const { status, error } = await outcome(await post(gateway, { messages: [message] }))
      expect({ message, status, param: error?.param }).toEqual({ message, status: 400, param })
    }
    expect(mock.requests).toEqual([])
    expect(gateway.problems).toEqual([])
  })

  it.runIf(NATIVE.has(name))('a message wrong at any level is for the provider to judge', async () => {
    const { gateway } = await running(name)
    for (const [message] of MESSAGES) {
      const { status } = await outcome(await post(gateway, { messages: [message] }))
      expect({ message, isFine: status < 500 }).toEqual({ message, isFine: true })
    }
    expect(gateway.problems).toEqual([])
  })
})

describe('a body too large', () => {
  it.each([
    ['by its length', undefined],
    ['as it comes', 'chunked'],
  ])('is a 413, %s', async (_, coding) => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url, { max_request_body_size: 1000 }))
    const text = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(5000) }] })
    const response = await fetch(gateway.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(coding ? { body: new Blob([text]).stream(), duplex: 'half' } : { body: text }),
    })
    expect(await outcome(response)).toMatchObject({ status: 413, error: { code: 'request_too_large' } })
    expect(upstream.requests).toEqual([])
  })
})

describe('a body far too large', () => {
  const SIZE = 4 * 1024 * 1024
  it.each([
    ['by its length', `content-length: ${SIZE}`, ''],
    ['as it comes', 'transfer-encoding: chunked', `${SIZE.toString(16)}\r\n`],
  ])('is a 413 for a client that sends all of it before it reads, %s', async (_, framing, size) => {
    const upstream = await provider()
    const gateway = await aiGateway(aiConfig(upstream.url, { max_request_body_size: 1000 }))
    const client = await rawClient(gateway.url)
    client.socket.pause()
    client.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${framing}\r\n\r\n${size}`)
    const sent = new Promise((resolve) => client.socket.write(' '.repeat(SIZE), resolve))
    expect(await sent).toBeFalsy()
    client.socket.resume()
    expect(await client.rest()).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('takes no request behind it along', async () => {
    const upstream = await provider(({ head, response }) => {
      head(200, JSON_TYPE)
      response.end(COMPLETION)
    })
    const gateway = await aiGateway(aiConfig(upstream.url, { max_request_body_size: 1000 }))
    // One that goes on sending though the other side has said its last word.
    const client = await rawClient(gateway.url, { allowHalfOpen: true })
    const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'
    client.write(`${head}transfer-encoding: chunked\r\n\r\n7d0\r\n${' '.repeat(2000)}\r\n`)
    await once(client.socket, 'end')
    const body = JSON.stringify({ messages })
    client.write(`0\r\n\r\n${head}content-length: ${body.length}\r\n\r\n${body}`)
    await (await post(gateway, { messages })).text()
    expect(upstream.requests).toHaveLength(1)
    expect(client.text.match(/^HTTP/gm)).toHaveLength(1)
  })
})

describe('a name of a model', () => {
  const NAMES = [
    '../../admin',
    '..',
    '.',
    '/etc/passwd',
    'a/../../b',
    'a?key=stolen',
    'a#b',
    'a%2f..%2fb',
    '%2e%2e',
    'a\\b',
    'a;b=c',
    'a:predict',
    '//evil.example',
    'http://evil.example/',
    '@evil.example',
    'a\r\nX-Evil: 1',
    'a\0b',
    'a b',
    '模型 👋',
    '\uD800',
    '__proto__',
    'x'.repeat(10_000),
  ]

  /** What the path may consist of beside the name, so that whatever the name is, it is one segment or none. */
  const PATHS: Record<string, RegExp> = {
    openai: /^\/v1\/chat\/completions$/,
    azure: /^\/openai\/deployments\/d\/chat\/completions$/,
    anthropic: /^\/v1\/messages$/,
    bedrock: /^\/model\/[^/?#\\]+\/converse$/,
    cohere: /^\/v2\/chat$/,
    gemini: /^\/v1beta\/models\/[^/?#\\]+:generateContent$/,
    huggingface: /^\/v1\/chat\/completions$/,
    mistral: /^\/v1\/chat\/completions$/,
    ollama: /^\/api\/chat$/,
    llama2: /^\/api\/chat$/,
    deepseek: /^\/v1\/chat\/completions$/,
  }

  it.each(FAMILIES)('leads nowhere but to the API of %s', async (name) => {
    const mock = closing(await startMock({ pace: 0 }))
    const config = familyConfig(name, mock.url)
    delete object(config.model).name
    const gateway = await aiGateway(config)
    for (const model of NAMES) {
      const before = mock.requests.length
      const response = await post(gateway, { model, messages })
      const body = parseObject(await response.text())
      expect({ model, isFine: response.status < 500 }).toEqual({ model, isFine: true })
      expect(response.headers.get('x-evil')).toBeNull()
      for (const { path, query, headers } of mock.requests.slice(before)) {
        expect(path).toMatch(PATHS[name]!)
        expect(query).not.toContain('stolen')
        expect(headers['x-evil']).toBeUndefined()
      }
      // Refused here, it is the model's fault.
      const isOurs = mock.requests.length === before
      expect(isOurs ? object(body.error).param : 'model').toBe('model')
    }
    expect(gateway.problems).toEqual([])
  })
})

describe('what a template takes from the client', () => {
  const VALUES = [
    '../../x',
    'a/b?c=d',
    'evil.example',
    'a\u00e9',
    '%0d%0aX-Evil:%201',
    '{{7*7}}',
    '$(headers.authorization)',
  ]
  it('is one segment of the path, and no header, host or template', async () => {
    const mock = closing(await startMock({ pace: 0 }))
    const gateway = await aiGateway(
      aiConfig(mock.url, { model: { provider: 'gemini', name: '$(query_params.model)' } }),
    )
    for (const value of VALUES) {
      const response = await post(gateway, { messages }, { path: `/chat?model=${encodeURIComponent(value)}` })
      await response.text()
      expect({ value, isFine: response.status < 500 }).toEqual({ value, isFine: true })
    }
    for (const { path } of mock.requests)
      expect(path).toMatch(/^\/v1beta\/models\/[^/?#\\]+:generateContent$/)
    expect(mock.requests.every(({ headers }) => headers['x-evil'] === undefined)).toBe(true)
    expect(gateway.problems).toEqual([])
  })
})
