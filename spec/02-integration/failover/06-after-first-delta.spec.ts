import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../lib/llm/json.js'
import { aiConfig, aiGateway, messages, post, type AiGateway } from '../../support/ai-gateway.js'
import {
  answering,
  BodyReader,
  EVENTS,
  JSON_TYPE,
  provider,
  SSE_TYPE,
  type Provider,
  STREAM,
} from '../../support/ai-provider.js'
import { delta, open, START } from '../../support/anthropic-events.js'
import { object, objects, parseObject } from '../../support/json.js'
import { readAsClient, type ClientView } from '../../support/streams.js'

const streamed = { messages, stream: true }
const HEARTBEAT = ': heartbeat\n\n'

/** A further target at `url`, of openai unless `model` says otherwise. */
function target(url: string, model: JsonObject = {}): JsonObject {
  const { model: made, auth } = aiConfig(url, { model })
  return { model: made!, auth: auth! }
}

/** A gateway whose streams go on with the next provider when one breaks off. */
function gatewayTo(first: Provider, targets: JsonObject[], more: JsonObject = {}): Promise<AiGateway> {
  const { balancer, ...rest } = more
  return aiGateway(
    aiConfig(first.url, {
      targets,
      balancer: {
        algorithm: 'priority',
        failover_criteria: ['error', 'timeout', 'http_429', 'http_500'],
        failover_after_first_delta: true,
        ...object(balancer ?? {}),
      },
      logging: { log_statistics: true, log_payloads: true },
      ...rest,
    }),
  )
}

/** Says these events, then breaks the connection. */
const breaking = (...events: string[]) =>
  provider(({ head, response }) => {
    head(200, SSE_TYPE)
    response.write(events.join(''), () => response.destroy())
  })

/** OpenAI's stream of another model, which says ` 你好`. */
const REST = [EVENTS.role, EVENTS.there, EVENTS.finish, EVENTS.usage, EVENTS.done]
  .join('')
  .replaceAll('chatcmpl-7', 'chatcmpl-other')
  .replaceAll('gpt-4o-2024-08-06', 'other-model')
const rest = () => answering(200, SSE_TYPE, REST)

async function seen(gateway: AiGateway, asked: JsonObject = {}): Promise<ClientView & { text: string }> {
  const response = await post(gateway, { ...streamed, ...asked })
  expect(response.status).toBe(200)
  const text = (await response.text()).replaceAll(HEARTBEAT, '')
  return { ...readAsClient(Buffer.from(text)), text }
}

const contentOf = ({ whole }: ClientView) => object(objects(whole.choices)[0]!.message).content

async function logged(gateway: AiGateway): Promise<JsonObject> {
  return object(object((await gateway.entry()).ai).proxy)
}

const failures = ({ tried_targets }: JsonObject) => objects(tried_targets).map(({ failure }) => failure)

const GO_ON = expect.stringContaining('Go on exactly where it ends') as string

describe('a stream that breaks off, where the route opts in', () => {
  it('goes on with the next target: one answer, with one id, one role, one end', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await rest()
    const gateway = await gatewayTo(first, [target(second.url)])
    const view = await seen(gateway)
    expect(contentOf(view)).toBe('Hello 你好')
    expect([view.done, view.error]).toEqual([true, undefined])
    const said = (field: string) => new Set(view.chunks.map((chunk) => chunk[field]))
    expect([...said('id')]).toEqual(['chatcmpl-7'])
    expect([...said('model')]).toEqual(['gpt-4o-2024-08-06'])
    expect([...said('created')]).toEqual([1700000000])
    expect(view.text.match(/"role"/g)).toHaveLength(1)
    expect(view.text.match(/\[DONE\]/g)).toHaveLength(1)
  })

  it('asks the next one for the rest: the conversation, what was said, and to go on', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await rest()
    await seen(await gatewayTo(first, [target(second.url)]), { max_tokens: 50, temperature: 0.5 })
    const [body] = second.bodies()
    expect(body).toMatchObject({ temperature: 0.5, stream: true })
    expect(body!.messages).toEqual([
      ...messages,
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: GO_ON },
    ])
    expect(body!.max_tokens).toBeLessThan(50)
    expect(body!.max_tokens).toBeGreaterThan(40)
  })

  it('crosses the formats of providers', async () => {
    const first = await provider(({ head, event, response }) => {
      head(200, SSE_TYPE)
      for (const one of [
        START,
        open(0, { type: 'text', text: '' }),
        delta(0, { type: 'text_delta', text: 'Hello' }),
      ])
        event(one)
      event({ type: 'error', error: { type: 'api_error', message: 'no more' } })
      response.end()
    })
    const second = await rest()
    const gateway = await aiGateway(
      aiConfig(first.url, {
        model: { provider: 'anthropic', name: 'claude' },
        targets: [target(second.url)],
        balancer: {
          algorithm: 'priority',
          failover_criteria: ['http_500'],
          failover_after_first_delta: true,
        },
      }),
    )
    const view = await seen(gateway)
    expect(contentOf(view)).toBe('Hello 你好')
    expect(new Set(view.chunks.map(({ id }) => id)).size).toBe(1)
    expect([view.done, view.error]).toEqual([true, undefined])
  })

  it('adds up what every target has used, each at its own price', async () => {
    const priced = (cost: number) => ({ options: { input_cost: cost, output_cost: cost } })
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await rest()
    const gateway = await gatewayTo(first, [target(second.url, priced(1000))], { model: priced(10) })
    const view = await seen(gateway, { stream_options: { include_usage: true } })
    const usage = object(view.whole.usage) as Record<string, number>
    // The second one's 25 and 12 are the provider's own, the rest is counted.
    expect(usage.completion_tokens).toBe(12 + 1 + (usage.completion_tokens! - 13))
    expect(usage.prompt_tokens).toBeGreaterThan(25 + 5)
    expect(usage.total_tokens).toBe(usage.prompt_tokens! + usage.completion_tokens!)
    const entry = await logged(gateway)
    const log = object(entry.usage) as Record<string, number>
    expect(log).toMatchObject({ ...usage, estimated: true })
    const own = usage.total_tokens! - 37
    expect(log.cost).toBeCloseTo((own * 10 + 37 * 1000) / 1_000_000, 9)
  })

  it('is logged as one answer with its targets', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await rest()
    const gateway = await gatewayTo(first, [target(second.url)])
    const { text } = await seen(gateway)
    expect(text).not.toContain('"usage":{')
    const entry = await logged(gateway)
    expect(failures(entry)).toEqual(['error', undefined])
    expect(parseObject(object(entry.payload).response as string)).toMatchObject({
      id: 'chatcmpl-7',
      choices: [{ message: { content: 'Hello 你好' }, finish_reason: 'stop' }],
    })
  })

  it('goes on more than once', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await breaking(EVENTS.role, EVENTS.there)
    const third = await rest()
    const gateway = await gatewayTo(first, [target(second.url), target(third.url)])
    const view = await seen(gateway)
    expect(contentOf(view)).toBe('Hello 你好 你好')
    expect(third.bodies()[0]!.messages).toEqual([
      ...messages,
      { role: 'assistant', content: 'Hello 你好' },
      { role: 'user', content: GO_ON },
    ])
    expect(failures(await logged(gateway))).toEqual(['error', 'error', undefined])
  })

  it.each<[string, (...texts: string[]) => string[], JsonObject]>([
    ['passes', (...texts) => texts.map((content) => chunkOf({ content })), {}],
    [
      'is translated',
      (...texts) =>
        [
          START,
          open(0, { type: 'text', text: '' }),
          ...texts.map((text) => delta(0, { type: 'text_delta', text })),
        ].map((event) => `data: ${JSON.stringify(event)}\n\n`),
      { provider: 'anthropic', name: 'claude' },
    ],
  ])('asks for the rest of whole characters, where what %s ends in half of one', async (_, events, model) => {
    const [firstHalf, secondHalf] = ['\ud83d', '\ude00']
    const first = await breaking(...events('Hello ', firstHalf, secondHalf, firstHalf))
    const second = await breaking(EVENTS.role, chunkOf({ content: `😀 and ${firstHalf}` }))
    const third = await rest()
    const gateway = await gatewayTo(first, [target(second.url), target(third.url)], { model })
    // What the client has got stays as it is.
    expect(contentOf(await seen(gateway))).toBe(`Hello 😀${firstHalf}😀 and ${firstHalf} 你好`)
    const asked = [second, third].map((one) => objects(one.bodies()[0]!.messages).at(-2)!.content)
    expect(asked).toEqual(['Hello 😀', 'Hello 😀😀 and '])
  })

  it('asks anew where nothing but half of a character has come', async () => {
    const first = await breaking(EVENTS.role, chunkOf({ content: '\ud83d' }))
    const second = await rest()
    await seen(await gatewayTo(first, [target(second.url)]))
    expect(second.bodies()[0]!.messages).toEqual(messages)
  })

  it('goes on past a target that refuses or cannot be reached', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await answering(429, JSON_TYPE, '{"error":{"message":"slow down"}}')
    const gone = await answering(200, SSE_TYPE, STREAM)
    await gone.close()
    const last = await rest()
    const gateway = await gatewayTo(
      first,
      [second, gone, last].map(({ url }) => target(url)),
    )
    expect(contentOf(await seen(gateway))).toBe('Hello 你好')
    expect(failures(await logged(gateway))).toEqual(['error', 'http_429', 'error', undefined])
  })

  it('goes on where a target fell silent, which is let go', async () => {
    const first = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
    })
    const second = await rest()
    const gateway = await gatewayTo(first, [target(second.url)], { timeouts: { idle: 100 } })
    expect(contentOf(await seen(gateway))).toBe('Hello 你好')
    const turn = await first.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
  })

  it('tells the client of the failure that broke its answer off where no target is left', async () => {
    const first = await provider(({ head, event, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role + EVENTS.hello)
      event({ error: { message: 'busy', code: 'rate_limit_exceeded' } })
      response.end()
    })
    const second = await answering(400, JSON_TYPE, '{"error":{"message":"no such conversation"}}')
    const view = await seen(await gatewayTo(first, [target(second.url)]))
    expect(view.done).toBe(false)
    expect(view.error).toMatchObject({ message: 'busy' })
    expect(contentOf(view)).toBe('Hello')
    expect(view.text.match(/"error"/g)).toHaveLength(1)
  })

  it('lets the target of a client go that has gone', async () => {
    const first = await breaking(EVENTS.role, EVENTS.hello)
    const second = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.there)
    })
    const gateway = await gatewayTo(first, [target(second.url)])
    const client = new AbortController()
    const body = new BodyReader(await post(gateway, streamed, { signal: client.signal }))
    await body.expect(EVENTS.role + EVENTS.hello + EVENTS.there)
    client.abort()
    const turn = await second.turn(0)
    await turn.closed
    expect(turn.aborted()).toBe(true)
    await gateway.entry()
  })
})

const chunkOf = (delta: JsonObject, index = 0) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index, delta, finish_reason: null }] })}\n\n`

describe('a stream that breaks off ends in the error event', () => {
  const TOOL = {
    tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }],
  }
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]

  it.each<[string, JsonObject, string[], JsonObject]>([
    ['unless the route opts in', {}, [EVENTS.hello], { failover_after_first_delta: false }],
    ['where a tool call is under way', {}, [EVENTS.hello, chunkOf(TOOL)], {}],
    ['where it has reasoned aloud', {}, [chunkOf({ reasoning_content: 'Hm' }), EVENTS.hello], {}],
    ['where it refuses', {}, [chunkOf({ refusal: 'No' })], {}],
    ['where it has several choices', {}, [EVENTS.hello, chunkOf({ content: 'Hi' }, 1)], {}],
    ['where several choices were asked for', { n: 2 }, [EVENTS.hello], {}],
    ['where tools may be called', { tools }, [EVENTS.hello], {}],
    ['where it keeps to a schema', { response_format: { type: 'json_object' } }, [EVENTS.hello], {}],
    ['where it has finished', {}, [EVENTS.hello, EVENTS.finish], {}],
    ['where no further attempt is allowed', {}, [EVENTS.hello], { retries: 0 }],
    ['where the criteria do not name the failure', {}, [EVENTS.hello], { failover_criteria: ['http_429'] }],
  ])('%s', async (_, asked, events, balancer) => {
    const first = await breaking(EVENTS.role, ...events)
    const second = await rest()
    const view = await seen(await gatewayTo(first, [target(second.url)], { balancer }), asked)
    expect(view).toMatchObject({ done: false, error: { code: 'answer_cut_off' } })
    expect(second.requests).toHaveLength(0)
  })
})

describe('behind a heartbeat, where the route opts in', () => {
  it('the next target is asked, whatever is asked for: nothing of an answer has gone out', async () => {
    const first = await provider()
    const second = await answering(200, SSE_TYPE, STREAM)
    const gateway = await gatewayTo(first, [target(second.url)], { heartbeat_ms: 10 })
    const body = new BodyReader(
      await post(gateway, { ...streamed, n: 1, response_format: { type: 'json_object' } }),
    )
    await body.expect(HEARTBEAT)
    ;(await first.turn(0)).response.writeHead(429, JSON_TYPE).end('{"error":{"message":"slow down"}}')
    const text = (await body.rest()).replaceAll(HEARTBEAT, '')
    expect(text).toBe(STREAM.replace(EVENTS.usage, ''))
    expect(second.bodies()[0]!.messages).toEqual(messages)
  })

  it('a role that went out is not said again', async () => {
    const first = await provider(({ head, response }) => {
      head(200, SSE_TYPE)
      response.write(EVENTS.role)
    })
    const second = await answering(200, SSE_TYPE, STREAM)
    const gateway = await gatewayTo(first, [target(second.url)], { heartbeat_ms: 10 })
    const body = new BodyReader(await post(gateway, streamed))
    let start = ''
    while (!start.includes(EVENTS.role + HEARTBEAT)) start += (await body.next())!
    ;(await first.turn(0)).response.destroy()
    const text = (start + (await body.rest())).replaceAll(HEARTBEAT, '')
    expect(text.match(/"role"/g)).toHaveLength(1)
    expect(contentOf(readAsClient(Buffer.from(text)))).toBe('Hello 你好')
    expect(second.bodies()[0]!.messages).toEqual(messages)
  })
})
