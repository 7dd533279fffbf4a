import { connect } from 'node:net'
import OpenAI, { AuthenticationError, RateLimitError } from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { mock as command } from '../../lib/commands/mock.js'
import { UsageError } from '../../lib/commands/options.js'
import { parseJson } from '../../lib/llm/json.js'
import { startMock, type Mock } from '../../lib/mock/server.js'
import { framesOf, gather } from '../support/frames-of.js'
import { faultsOfChunk, faultsOfCompletion, faultsOfTextCompletion } from '../support/openai-schema.js'

let mock: Mock
let openai: OpenAI

beforeAll(async () => {
  mock = await startMock({ pace: 0 })
  openai = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'no key is needed', maxRetries: 0 })
})

afterAll(() => mock.close())

const messages = [{ role: 'user' as const, content: 'Say 你好 👋' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters } }]

function post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(mock.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'anthropic-version': '2023-06-01' },
    ...init,
  })
}

describe('the mock as OpenAI, seen by the official client', () => {
  it('answers whole and as a stream with the same text and usage', async () => {
    const whole = await openai.chat.completions.create({ model: 'm', messages })
    const stream = openai.chat.completions.stream({
      model: 'm',
      messages,
      stream_options: { include_usage: true },
    })
    const streamed = await stream.finalChatCompletion()
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content)
    expect(streamed.choices[0]?.message.content).toContain('Say 你好 👋')
    expect(streamed.choices[0]?.finish_reason).toBe('stop')
    expect(streamed.usage).toEqual(whole.usage)
    expect(whole.usage?.total_tokens).toBe(
      (whole.usage?.prompt_tokens ?? 0) + (whole.usage?.completion_tokens ?? 0),
    )
  })

  it('calls a tool, and goes on with its result', async () => {
    const stream = openai.chat.completions.stream({ model: 'm', messages, tools })
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!
    const call = message.tool_calls![0]!
    expect(finish_reason).toBe('tool_calls')
    expect(call.function).toMatchObject({ name: 'get_weather', arguments: '{"city":"mock"}' })

    const result = { role: 'tool' as const, tool_call_id: call.id, content: '21 degrees' }
    const next = await openai.chat.completions.create({
      model: 'm',
      tools,
      messages: [...messages, message, result],
    })
    expect(next.choices[0]?.message.content).toContain('21 degrees')
    expect(next.choices[0]?.message.tool_calls).toBeUndefined()
  })

  it('streams several choices in turn', async () => {
    const stream = await openai.chat.completions.create({
      model: 'm',
      messages,
      n: 2,
      max_tokens: 2,
      stream: true,
    })
    const order: string[] = []
    for await (const { choices } of stream) {
      order.push(
        ...choices.map(({ index, delta, finish_reason: end }) => `${index} ${end ?? (delta.role || 'text')}`),
      )
    }
    const texts = ['0 text', '1 text', '0 text', '1 text']
    expect(order).toEqual(['0 assistant', '1 assistant', ...texts, '0 length', '1 length'])
  })

  it('says its usage in a stream only if it is asked', async () => {
    const usages = async (stream_options: { include_usage: boolean }) => {
      const found = []
      const stream = await openai.chat.completions.create({
        model: 'm',
        messages,
        stream: true,
        stream_options,
      })
      for await (const chunk of stream) found.push(chunk.usage)
      return found
    }
    expect((await usages({ include_usage: false })).every((usage) => usage === undefined)).toBe(true)
    const [last, ...others] = (await usages({ include_usage: true })).reverse()
    expect(last?.prompt_tokens).toBeGreaterThan(0)
    expect(others.every((usage) => usage === null)).toBe(true)
  })

  it('answers in JSON that fits the schema', async () => {
    const json_schema = { name: 'place', schema: parameters }
    const response_format = { type: 'json_schema' as const, json_schema }
    const { choices } = await openai.chat.completions.create({ model: 'm', messages, response_format })
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ city: 'mock' })
  })

  it('completes several prompts', async () => {
    const { choices } = await openai.completions.create({ model: 'm', prompt: ['one', 'two'], max_tokens: 3 })
    expect(choices.map(({ text, index, finish_reason }) => [text, index, finish_reason])).toEqual([
      ['Hello from the', 0, 'length'],
      ['Hello from the', 1, 'length'],
    ])
  })

  it('gives errors that the client knows by their class', async () => {
    const create = (model: string) => openai.chat.completions.create({ model, messages })
    await expect(create('error/429')).rejects.toBeInstanceOf(RateLimitError)
    await expect(create('error/401')).rejects.toBeInstanceOf(AuthenticationError)
    await expect(create('error/503')).rejects.toMatchObject({ status: 503, type: 'server_error' })
  })

  it("gives nothing that OpenAI's schema does not have", async () => {
    const asks = [{ n: 2 }, { tools }, { max_tokens: 1 }, { reasoning_effort: 'low' }]
    for (const more of asks) {
      const body = { model: 'm', messages, ...more }
      const whole: unknown = await (await post('/v1/chat/completions', body)).json()
      expect(faultsOfCompletion(whole)).toEqual([])
      const streamed = { ...body, stream: true, stream_options: { include_usage: true } }
      const frames = await framesOf(await post('/v1/chat/completions', streamed))
      expect(frames.pop()?.data).toBe('[DONE]')
      expect(frames.flatMap(({ data }) => faultsOfChunk(JSON.parse(data)))).toEqual([])
    }
    const whole: unknown = await (await post('/v1/completions', { model: 'm', prompt: 'p' })).json()
    expect(faultsOfTextCompletion(whole)).toEqual([])
  })
})

describe('the mock as Anthropic', () => {
  it('streams events in the documented order, block by block', async () => {
    const body = {
      model: 'm',
      max_tokens: 1000,
      messages,
      stream: true,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      tools: [{ name: 'get_weather', input_schema: parameters }],
    }
    const frames = await framesOf(await post('/v1/messages', body))
    for (const { event, data } of frames) expect(JSON.parse(data)).toMatchObject({ type: event })

    const kinds = frames.map(({ event, data }) => {
      const { index, delta, content_block: block } = JSON.parse(data)
      return [event, index, block?.type ?? delta?.type].filter((part) => part !== undefined).join(' ')
    })
    expect(kinds.filter((kind, at) => kind !== kinds[at - 1])).toEqual([
      'message_start',
      'content_block_start 0 thinking',
      'ping',
      'content_block_delta 0 thinking_delta',
      'content_block_delta 0 signature_delta',
      'content_block_stop 0',
      'content_block_start 1 text',
      'content_block_delta 1 text_delta',
      'content_block_stop 1',
      'content_block_start 2 tool_use',
      'content_block_delta 2 input_json_delta',
      'content_block_stop 2',
      'message_delta',
      'message_stop',
    ])
    const { delta, usage } = JSON.parse(frames.at(-2)!.data)
    expect(delta.stop_reason).toBe('tool_use')
    expect(usage.output_tokens).toBeGreaterThan(10)
  })

  it('asks for what the real one requires', async () => {
    const faults = [
      { messages, max_tokens: 1 },
      { model: 'm', messages },
      { model: 'm', max_tokens: 1 },
    ]
    const answers = await Promise.all(
      faults.map(async (body) => {
        const response = await post('/v1/messages', body)
        const { error } = JSON.parse(await response.text())
        return `${response.status} ${error.type}: ${error.message}`
      }),
    )
    expect(answers).toEqual([
      '400 invalid_request_error: model: Field required',
      '400 invalid_request_error: max_tokens: Field required',
      '400 invalid_request_error: messages: at least one message is required',
    ])
    const unversioned = await post('/v1/messages', { model: 'm', messages, max_tokens: 1 }, { headers: {} })
    expect(unversioned.status).toBe(400)
  })
})

describe('faults in the middle of a stream', () => {
  const chaos = (fault: string) =>
    post('/v1/chat/completions', {
      model: `chaos/${fault}`,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
  const data = async (fault: string) => (await framesOf(await chaos(fault))).map((frame) => frame.data)

  it('cut: the connection is closed after n events', async () => {
    await expect(data('cut@2')).rejects.toThrow('terminated')
    expect(mock.requests.at(-1)).toMatchObject({ events: 2, state: 'aborted' })
  })

  it('stall: nothing comes after n events, and no end', async () => {
    const gone = new AbortController()
    const body = { model: 'chaos/stall@2', messages, stream: true }
    const response = await post('/v1/chat/completions', body, { signal: gone.signal })
    const record = mock.requests.at(-1)!
    await vi.waitFor(() => expect(record.events).toBe(2))
    expect(record.state).toBe('open')
    gone.abort()
    await expect(response.text()).rejects.toThrow('aborted')
    await vi.waitFor(() => expect(record.state).toBe('aborted'))
  })

  it("overloaded: the provider's error event after n events, and the end", async () => {
    const events = await data('overloaded@2')
    expect(events).toHaveLength(3)
    expect(JSON.parse(events[2]!)).toMatchObject({ error: { type: 'server_error' } })
  })

  it('overloaded: an exception where the wire format has one', async () => {
    const body = { messages: [{ role: 'user', content: [{ text: 'x' }] }] }
    const frames = await framesOf(await post('/model/chaos%2Foverloaded@1/converse-stream', body))
    expect(frames.at(-1)).toMatchObject({ event: 'serviceUnavailableException', exception: true })
  })

  it('garbage: one event that is no JSON, among good ones', async () => {
    const good = (await data('garbage@2')).map(
      (event) => event === '[DONE]' || parseJson(event) !== undefined,
    )
    expect(good.indexOf(false)).toBe(2)
    expect(good.filter((one) => !one)).toHaveLength(1)
    expect(good.at(-1)).toBe(true)
  })

  it('no-finish: a clean end without finish reason, usage and [DONE]', async () => {
    const events = await data('no-finish')
    expect(events.every((event) => JSON.parse(event).choices[0].finish_reason === null)).toBe(true)
  })

  it('no-usage: all but the usage', async () => {
    const events = await data('no-usage')
    expect(events.at(-1)).toBe('[DONE]')
    expect(events.slice(0, -1).every((event) => JSON.parse(event).usage === null)).toBe(true)
  })

  it('utf8split and crlf: other bytes, the same events', async () => {
    const untouched = (fault: string) =>
      data(fault).then((events) => gather(events.map(parseJson), ['content']))
    const text = await untouched('no-usage')
    expect(text).toContain('👋')
    expect(await untouched('utf8split')).toBe(text)
    expect(await untouched('crlf')).toBe(text)
    expect(await (await chaos('crlf')).text()).not.toMatch(/[^\r]\n/)
  })

  it('answers 400 to a fault that there is not', async () => {
    expect((await chaos('fire')).status).toBe(400)
  })
})

describe('the mock as a server', () => {
  it('keeps what it was asked for the one who started it', async () => {
    const seen: string[] = []
    const own = await startMock({
      pace: 0,
      onRequest: ({ method, path, query }) => seen.push(`${method} ${path} ${query}`),
    })
    const headers = { authorization: 'Bearer secret' }
    const response = await fetch(`${own.url}/p/v1/chat/completions?a=b`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: 'm', messages }),
    })
    expect(await response.text()).not.toContain('secret')
    expect(seen).toEqual(['POST /p/v1/chat/completions a=b'])
    expect(own.requests[0]).toMatchObject({ headers, body: { model: 'm' } })
    await vi.waitFor(() => expect(own.requests[0]?.state).toBe('done'))
    await own.close()
  })

  it('waits for a client that does not read', async () => {
    const prompt = Array.from({ length: 40 }, () => 'a prompt')
    const body = JSON.stringify({ model: 'm', prompt, n: 128, stream: true })
    const eventsOfAll = 128 * prompt.length * 20
    const socket = connect(Number(new URL(mock.url).port), '127.0.0.1')
    socket.pause()
    const length = Buffer.byteLength(body)
    socket.write(`POST /v1/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: ${length}\r\n\r\n${body}`)
    await vi.waitFor(() =>
      expect(mock.requests.at(-1)).toMatchObject({ path: '/v1/completions', state: 'open' }),
    )
    const record = mock.requests.at(-1)!
    await vi.waitFor(() => expect(record.events).toBeGreaterThan(0))

    await openai.chat.completions.create({ model: 'm', messages })
    socket.destroy()
    await vi.waitFor(() => expect(record.state).toBe('aborted'))
    expect(record.events).toBeLessThan(eventsOfAll)
  })

  it('stops at once when the client goes away', async () => {
    const own = await startMock({ pace: 1 })
    const gone = new AbortController()
    const body = JSON.stringify({ model: 'm', messages, n: 100, stream: true })
    const response = await fetch(`${own.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      signal: gone.signal,
    })
    const record = own.requests[0]!
    await vi.waitFor(() => expect(record.events).toBeGreaterThan(0))
    gone.abort()
    await expect(response.text()).rejects.toThrow('aborted')
    await vi.waitFor(() => expect(record.state).toBe('aborted'))
    const { events } = record
    await fetch(`${own.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', messages, stream: true }),
    }).then((other) => other.text())
    expect(record.events).toBe(events)
    await own.close()
  })

  it('ends the answers under way when it is closed', async () => {
    const own = await startMock({ pace: 60_000 })
    const body = JSON.stringify({ model: 'm', messages, stream: true })
    const response = await fetch(`${own.url}/v1/chat/completions`, { method: 'POST', body })
    const ended = response.text().catch((error: unknown) => error)
    await own.close()
    expect(await ended).toMatchObject({ message: 'terminated' })
  })
})

describe('kong-ai mock', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  it('says where it is, and runs until it is told to stop', async () => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const printed = () => write.mock.calls.map(([text]) => String(text)).join('')
    vi.stubEnv('KONG_AI_MOCK_LISTEN', '127.0.0.1:0')
    const status = command(['--pace', '0'])
    await vi.waitFor(() => expect(printed()).toMatch(/^mock LLM provider on http:\/\/127\.0\.0\.1:\d+\n$/))
    const url = printed().trim().split(' ').at(-1)!
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      body: '{"model":"m","prompt":"p"}',
    })
    expect(response.status).toBe(200)
    process.emit('SIGTERM', 'SIGTERM')
    expect(await status).toBe(0)
  })

  it.each([
    [['--pac', '3'], "'--pac'"],
    [['--pace', 'fast'], "--pace: 'fast' is not a number of milliseconds"],
    [['--listen', 'here'], "'here' is not an address"],
    [['extra'], "'extra'"],
  ])('says what is wrong with %j', async (args, message) => {
    const error: unknown = await command(args).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toMatchObject({ message: expect.stringContaining(message) })
  })

  it('fails where it cannot listen', async () => {
    await expect(command(['--listen', new URL(mock.url).host])).rejects.toThrow('EADDRINUSE')
  })
})
