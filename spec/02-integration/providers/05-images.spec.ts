import { lookup } from 'node:dns/promises'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { fetchPublic } from '../../../plugins/ai-proxy/public-fetch.js'
import { isPublicAddress } from '../../../plugins/ai-proxy/public-address.js'
import { aiConfig, aiGateway, errorOf, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, JSON_TYPE } from '../../support/ai-provider.js'
import { origin, type OriginRequest } from '../../support/origin.js'

vi.mock(import('node:dns/promises'), async (original) => {
  const real = await original()
  return { ...real, lookup: vi.fn<typeof real.lookup>(real.lookup) as unknown as typeof real.lookup }
})
// The address rules are real, but where a spec lets this machine pass for the internet.
vi.mock(import('../../../plugins/ai-proxy/public-address.js'), async (original) => {
  const real = await original()
  return { isPublicAddress: vi.fn<typeof real.isPublicAddress>(real.isPublicAddress) }
})

const ANSWER = JSON.stringify({
  output: { message: { role: 'assistant', content: [{ text: 'A cat.' }] } },
  stopReason: 'end_turn',
  usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
})
const PIXELS = Buffer.from('89504e470d0a1a0a', 'hex')

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.mocked(isPublicAddress).mockClear()
  vi.mocked(isPublicAddress).mockReset()
})

function thisMachineIsPublic() {
  vi.mocked(isPublicAddress).mockReturnValue(true)
}

const pixel = (_: OriginRequest, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'image/png; x=y' })
  response.end(PIXELS)
}

async function running(config: JsonObject = { fetch_images: true }) {
  const upstream = await answering(200, JSON_TYPE, ANSWER)
  const model = {
    provider: 'bedrock',
    name: 'us.amazon.nova-pro-v1:0',
    options: { bedrock: { aws_region: 'us-east-1' } },
  }
  return {
    upstream,
    gateway: await aiGateway(aiConfig(upstream.url, { auth: { allow_override: false }, model, ...config })),
  }
}

const image = (url: string) => ({ type: 'image_url', image_url: { url } })
const ask = (...urls: string[]) => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, ...urls.map(image)] }],
})

describe('an image by URL for a provider that takes data', () => {
  it('is refused unless the config lets us fetch it, and the message says so', async () => {
    const { gateway, upstream } = await running({})
    const { status, error } = await errorOf(await post(gateway, ask('https://example.com/cat.png')))
    expect(status).toBe(400)
    expect(error).toMatchObject({
      message: expect.stringContaining('config.fetch_images') as string,
      param: 'messages[0].content[1].image_url.url',
    })
    expect(upstream.requests).toEqual([])
  })

  it('is fetched without a word of the client, and goes out as data', async () => {
    thisMachineIsPublic()
    const images = closing(await origin(pixel))
    const { gateway, upstream } = await running()
    const headers = { authorization: 'Bearer sk-of-the-client', cookie: 'a=b', 'x-api-key': 'sk' }
    const response = await post(gateway, ask(`${images.url}/1.png`, `${images.url}/2.png`), { headers })
    expect(response.status).toBe(200)
    const sent = { image: { format: 'png', source: { bytes: PIXELS.toString('base64') } } }
    expect(upstream.bodies()[0]?.messages).toEqual([
      { role: 'user', content: [{ text: 'What is it?' }, sent, sent] },
    ])
    expect(images.requests.map(({ method, url }) => `${method} ${url}`).toSorted()).toEqual([
      'GET /1.png',
      'GET /2.png',
    ])
    expect(Object.keys(images.requests[0]!.headers).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
    ])
  })

  it('is fetched for Ollama, from the result of a tool as well', async () => {
    thisMachineIsPublic()
    const images = closing(await origin(pixel))
    const upstream = await answering(200, JSON_TYPE, '{"message":{"content":"A cat."},"done":true}')
    const gateway = await aiGateway(
      aiConfig(upstream.url, { model: { provider: 'ollama', name: 'llava' }, fetch_images: true }),
    )
    const call = { id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }
    const messages = [
      { role: 'user', content: 'Look' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: [image(images.url)] },
    ]
    expect((await post(gateway, { messages })).status).toBe(200)
    expect(upstream.bodies()[0]?.messages).toMatchObject([{}, {}, { images: [PIXELS.toString('base64')] }])
  })

  it.each([
    'http://127.0.0.1:1/cat.png',
    'http://localhost:1/cat.png',
    'http://[::1]:1/cat.png',
    'http://[::ffff:127.0.0.1]:1/cat.png',
    'http://2130706433:1/cat.png',
    'http://0x7f.1:1/cat.png',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://10.0.0.1/cat.png',
  ])('is not fetched from %s', async (url) => {
    const { gateway, upstream } = await running()
    const { status, error } = await errorOf(await post(gateway, ask(url)))
    expect({ status, ...error }).toMatchObject({
      status: 400,
      message: 'the image could not be fetched: its host is not public',
      param: 'messages[0].content[1].image_url.url',
    })
    expect(upstream.requests).toEqual([])
  })

  it('is not fetched from a name of which one address is private', async () => {
    vi.mocked(lookup).mockResolvedValueOnce([
      { address: '93.184.215.14', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ] as never)
    const { gateway } = await running()
    const { error } = await errorOf(await post(gateway, ask('http://rebind.test/cat.png')))
    expect(error.message).toContain('its host is not public')
  })

  it('is fetched from the address that was judged, and the name is not looked up again', async () => {
    const images = closing(await origin(pixel))
    vi.mocked(isPublicAddress).mockImplementation((address) => address === '127.0.0.1')
    vi.mocked(lookup).mockResolvedValueOnce([{ address: '127.0.0.1', family: 4 }] as never)
    const { gateway } = await running()
    const response = await post(gateway, ask(`http://no-such-name.invalid:${images.port}/cat.png`))
    expect(response.status).toBe(200)
    expect(images.requests[0]?.headers.host).toBe(`no-such-name.invalid:${images.port}`)
  })

  it.each<[string, (request: OriginRequest, response: ServerResponse) => void, string]>([
    [
      'redirects',
      (_, response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end(),
      'status 302',
    ],
    ['is not there', (_, response) => response.writeHead(404).end('secret'), 'status 404'],
    [
      'is no image',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('secret'),
      'its content type is not image/*',
    ],
    [
      'has a content type that would break out of a data URL',
      (_, response) => response.writeHead(200, { 'content-type': 'image/png,x' }).end('secret'),
      'its content type is not image/*',
    ],
    [
      'is too large',
      (_, response) =>
        response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(10 * 1024 * 1024 + 1)),
      'more than 10485760 bytes',
    ],
    ['breaks off', (_, response) => response.destroy(), 'no answer'],
  ])('is a 400 where it %s', async (_, answer, why) => {
    thisMachineIsPublic()
    const images = closing(await origin(answer))
    const { gateway, upstream } = await running()
    const { status, error } = await errorOf(await post(gateway, ask(`${images.url}/cat.png`)))
    expect(status).toBe(400)
    expect(error.message).toBe(`the image could not be fetched: ${why}`)
    expect(upstream.requests).toEqual([])
  })

  it('is one of 20 at most', async () => {
    thisMachineIsPublic()
    const images = closing(await origin(pixel))
    const { gateway } = await running()
    const urls = Array.from({ length: 21 }, (_, i) => `${images.url}/${i}.png`)
    const { error } = await errorOf(await post(gateway, ask(...urls)))
    expect(error).toMatchObject({
      message: 'more than 20 images to fetch',
      param: 'messages[0].content[21].image_url.url',
    })
    expect(images.requests).toEqual([])
  })

  it('has a limit of time, from the look-up to the last byte', async () => {
    thisMachineIsPublic()
    const images = closing(
      await origin((_, response) => {
        response.writeHead(200, { 'content-type': 'image/png' })
        response.write('part')
      }),
    )
    const waits = fetchPublic(images.url, 'image/', new AbortController().signal, { timeLimit: 50 })
    await expect(waits).rejects.toThrow('it took too long')
    vi.mocked(lookup).mockReturnValueOnce(new Promise(() => {}) as never)
    const hangs = fetchPublic('http://slow.test/', 'image/', new AbortController().signal, { timeLimit: 50 })
    await expect(hangs).rejects.toThrow('it took too long')
  })
})
