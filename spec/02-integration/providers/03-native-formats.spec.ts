import { beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import type { AiProxyConfig } from '../../../plugins/ai-proxy/schema.js'
import { aiConfig, aiGateway, errorOf, post, type AiGatewayOptions } from '../../support/ai-gateway.js'
import { answering, JSON_TYPE, provider as originOf } from '../../support/ai-provider.js'
import { object } from '../../support/json.js'

const KEY = { header_name: 'X-Token', header_value: 'sk-of-the-provider' }
const AWS_KEYS = { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'aws-secret' }

/** Spelt as no program of ours spells it, so that only its own bytes are equal to it. */
const CONVERSE = '{ "messages" : [{"role":"user","content":[{"text":"Caf\\u00e9 "}]}], "newField": 1.0 }'
const CONTENTS = '{ "contents" : [{"role":"user","parts":[{"text":"Caf\\u00e9 "}]}], "newField": 1.0 }'
const messagesOf = (more: string) =>
  `{ "messages" : [{"role":"user","content":"Caf\\u00e9 "}], "max_tokens": 50, ${more} }`
const INPUTS = '{ "inputs" : "Caf\\u00e9 ", "parameters": {"details": true} }'

interface Case {
  format: string
  path: string
  body: string
  stream: boolean
}

const CASES: Case[] = [
  { format: 'bedrock', path: '/model/m/converse', body: CONVERSE, stream: false },
  { format: 'bedrock', path: '/model/m/converse-stream', body: CONVERSE, stream: true },
  { format: 'gemini', path: '/v1beta/models/m:generateContent', body: CONTENTS, stream: false },
  { format: 'gemini', path: '/v1beta/models/m:streamGenerateContent', body: CONTENTS, stream: true },
  { format: 'gemini', path: '/v1beta/models/m:streamGenerateContent?alt=sse', body: CONTENTS, stream: true },
  { format: 'anthropic', path: '/v1/messages', body: messagesOf('"model":"m"'), stream: false },
  {
    format: 'anthropic',
    path: '/v1/messages?beta=true',
    body: messagesOf('"model":"m","stream":true'),
    stream: true,
  },
  { format: 'cohere', path: '/v2/chat', body: messagesOf('"model":"m"'), stream: false },
  { format: 'cohere', path: '/v2/chat', body: messagesOf('"model":"m","stream":true'), stream: true },
  { format: 'huggingface', path: '/generate', body: INPUTS, stream: false },
  { format: 'huggingface', path: '/generate_stream', body: INPUTS, stream: true },
]

/** What the mock of a provider says to the request, as it is on the wire. */
const said = new Map<Case, { type: string; bytes: Buffer }>()

beforeAll(async () => {
  const mock = await startMock({ pace: 0 })
  for (const one of CASES) {
    const headers = { ...JSON_TYPE, 'anthropic-version': '2023-06-01' }
    const response = await fetch(mock.url + one.path, { method: 'POST', body: one.body, headers })
    if (!response.ok) throw new Error(await response.text())
    const bytes = Buffer.from(await response.arrayBuffer())
    said.set(one, { type: response.headers.get('content-type')!, bytes })
  }
  await mock.close()
})

function config(url: string, format: string, more: JsonObject = {}) {
  const { model, ...rest } = more
  const options = { ...(format === 'bedrock' && { bedrock: { aws_region: 'us-east-1' } }) }
  return aiConfig(url, {
    llm_format: format,
    auth: { allow_override: false, ...(format === 'bedrock' ? AWS_KEYS : KEY) },
    model: { provider: format, name: null, options, ...object(model ?? {}) },
    logging: { log_statistics: true },
    ...rest,
  })
}

function send(gateway: { url: string }, path: string, body: string): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-of-the-client',
      'x-goog-api-key': 'sk-of-the-client',
    },
  })
}

describe.each(CASES)('$format, $path (stream: $stream)', (one) => {
  const { format, path, body, stream } = one

  it('passes both ways byte for byte, with the usage read along', async () => {
    const { type, bytes } = said.get(one)!
    const upstream = await answering(200, { 'content-type': type, 'set-cookie': 'a=b' }, bytes)
    const gateway = await aiGateway(config(upstream.url, format))
    const mark = path.includes('?') ? '&' : '?'
    const response = await send(gateway, `/any/prefix${path}${mark}key=sk-of-the-client`, body)
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('set-cookie')).toBeNull()
    const isNamed = format !== 'huggingface'
    expect(response.headers.get('x-kong-llm-model')).toBe(isNamed ? `${format}/m` : null)

    const [request] = upstream.requests
    expect(request?.body.toString()).toBe(body)
    expect(request?.url).toBe(path)
    expect(JSON.stringify(request?.headers)).not.toContain('of-the-client')
    const credential = request?.headers[format === 'bedrock' ? 'authorization' : 'x-token']
    expect(credential).toMatch(/^AWS4-HMAC-SHA256 |^sk-of-the-provider$/)

    const { meta, usage } = object(object((await gateway.entry()).ai).proxy)
    expect(meta).toMatchObject({ request_mode: stream ? 'stream' : 'oneshot', provider_name: format })
    expect(object(usage)).toMatchObject({ completion_tokens: expect.any(Number) as number })
    expect(Number(object(usage).completion_tokens)).toBeGreaterThan(1)
  })

  it('passes in whatever pieces it comes, and ends where it is broken off', async () => {
    const { type, bytes } = said.get(one)!
    const upstream = await originOf(({ response }) => {
      response.writeHead(200, { 'content-type': type })
      response.write(bytes.subarray(0, 7))
      setImmediate(() => {
        response.write(bytes.subarray(7, 20), () => response.destroy())
      })
    })
    const gateway = await aiGateway(config(upstream.url, format))
    const response = await send(gateway, path, body)
    const pieces: Buffer[] = []
    const whole = (async () => {
      for await (const piece of response.body!) pieces.push(Buffer.from(piece as Uint8Array))
    })()
    await expect(whole).rejects.toThrow()
    const got = Buffer.concat(pieces)
    expect(got.equals(bytes.subarray(0, got.length))).toBe(true)
  })

  it("passes the provider's own errors", async () => {
    const text = '{ "theirs": "as it is" }'
    const upstream = await answering(429, { ...JSON_TYPE, 'retry-after': '7' }, text)
    const gateway = await aiGateway(config(upstream.url, format))
    const response = await send(gateway, path, body)
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([
      429,
      '7',
      text,
    ])
  })
})

async function urlOf(
  format: string,
  path: string,
  more: JsonObject = {},
  options: AiGatewayOptions = {},
  body = '{}',
) {
  const upstream = await answering(200, JSON_TYPE, '{}')
  const gateway = await aiGateway(config(upstream.url, format, more), options)
  const response = await send(gateway, path, body)
  return upstream.requests[0]?.url ?? (await errorOf(response))
}

describe('the address of a native request', () => {
  it.each([
    ['gemini', '/v1beta/models/m:countTokens', '/v1beta/models/m:countTokens'],
    ['gemini', '/v1beta/models/m:embedContent', '/v1beta/models/m:embedContent'],
    ['bedrock', '/model/m/invoke-with-response-stream', '/model/m/invoke-with-response-stream'],
    ['bedrock', '/model/m/count-tokens', '/model/m/count-tokens'],
    ['anthropic', '/claude/v1/messages/count_tokens', '/v1/messages/count_tokens'],
    ['cohere', '/v2/rerank', '/v2/rerank'],
  ])('of %s keeps its operation: %s', async (format, path, url) => {
    expect(await urlOf(format, path)).toBe(url)
  })

  it.each([
    ['bedrock', '/model/us.anthropic.claude-v1%3A0/converse', '/model/us.anthropic.claude-v1%3A0/converse'],
    [
      'bedrock',
      '/model/arn:aws:bedrock:x:1:p/a/converse',
      '/model/arn%3Aaws%3Abedrock%3Ax%3A1%3Ap%2Fa/converse',
    ],
    ['gemini', '/v1beta/models/a%2F..%2Fb:generateContent', '/v1beta/models/a%2F..%2Fb:generateContent'],
    ['gemini', '/v1beta/models/a%3Fb:generateContent', '/v1beta/models/a%3Fb:generateContent'],
  ])('of %s has its model as one segment: %s', async (format, path, url) => {
    expect(await urlOf(format, path)).toBe(url)
  })

  it.each([
    ['bedrock', '/model/%2E%2E/converse'],
    ['bedrock', '/model/m/..%2Fother'],
    ['gemini', '/v1beta/models/%FF:generateContent'],
    ['gemini', '/v1beta/models/m:generate%2FContent'],
    ['anthropic', '/v1/messages/a%2Fb'],
    ['cohere', '/v2/..%2Fv1'],
  ])('of %s is refused where it could lead elsewhere: %s', async (format, path) => {
    expect(await urlOf(format, path)).toMatchObject({ status: 400 })
  })

  it('may be given by captures of the route', async () => {
    const options = { paths: ['~/llm/(?<model>[^/]+)/(?<operation>[^/]+)$'] }
    expect(await urlOf('bedrock', '/llm/m/converse-stream', {}, options)).toBe('/model/m/converse-stream')
    expect(await urlOf('gemini', '/llm/m/countTokens', {}, options)).toBe('/v1beta/models/m:countTokens')
  })

  it('is declared to be read where a real Kong proxies, and only there', () => {
    const reads = (llm_format: string) =>
      aiProxy.HandoverReads({ llm_format, model: { provider: 'gemini' } } as AiProxyConfig)
    expect(reads('gemini')).toContain('request.getUriCaptures')
    expect(reads('openai')).toEqual([])
  })

  it('is the usual one where neither path nor captures say', async () => {
    const model = { name: 'm' }
    expect(await urlOf('bedrock', '/chat', { model })).toBe('/model/m/converse')
    expect(await urlOf('gemini', '/chat', { model })).toBe('/v1beta/models/m:generateContent')
    expect(await urlOf('anthropic', '/chat', { model })).toBe('/v1/messages')
  })

  it('is that of Vertex AI where the config says so', async () => {
    const gemini = { api_endpoint: 'eu-aiplatform.test', project_id: 'p', location_id: 'eu' }
    const model = { options: { gemini } }
    expect(await urlOf('gemini', '/v1beta/models/m:generateContent', { model })).toBe(
      '/v1/projects/p/locations/eu/publishers/google/models/m:generateContent',
    )
  })
})

describe('the model of a native request', () => {
  const model = { name: 'm' }

  it.each([
    ['bedrock', '/model/other/converse', '{}'],
    ['gemini', '/v1beta/models/other:generateContent', '{}'],
    ['anthropic', '/v1/messages', '{"model":"other"}'],
  ])('must be the configured one (%s)', async (format, path, body) => {
    expect(await urlOf(format, path, { model }, {}, body)).toMatchObject({
      status: 400,
      error: { message: 'cannot use own model - must be: m', param: 'model' },
    })
  })

  it('must be named somewhere where the address needs it', async () => {
    expect(await urlOf('gemini', '/chat')).toMatchObject({
      status: 400,
      error: { message: 'model parameter not found in request, nor in gateway configuration' },
    })
  })

  it('is the configured one where the body names none', async () => {
    const upstream = await answering(200, JSON_TYPE, '{}')
    const gateway = await aiGateway(config(upstream.url, 'anthropic', { model }))
    await post(gateway, { messages: [], max_tokens: 1 }, { path: '/v1/messages' })
    expect(upstream.bodies()).toEqual([{ messages: [], max_tokens: 1, model: 'm' }])
  })
})

describe('streams of native requests', () => {
  it.each([
    ['bedrock', '/model/m/converse-stream', '{}'],
    ['gemini', '/v1beta/models/m:streamGenerateContent', '{}'],
    ['anthropic', '/v1/messages', '{"model":"m","stream":true}'],
  ])('can be denied (%s)', async (format, path, body) => {
    expect(await urlOf(format, path, { response_streaming: 'deny' }, {}, body)).toMatchObject({
      status: 400,
      error: { message: 'response streaming is not enabled for this LLM', param: 'stream' },
    })
  })
})
