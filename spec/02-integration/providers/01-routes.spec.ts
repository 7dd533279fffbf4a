import { readFileSync } from 'node:fs'
import OpenAI from 'openai'
import type {
  ChatCompletionChunk,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { driverNames } from '../../../lib/llm/drivers/index.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import * as aiProxy from '../../../plugins/ai-proxy/index.js'
import * as redact from '../../../plugins/redact/index.js'
import { testGateway, type TestGateway } from '../../support/gateway.js'
import { faultsOfChunk, faultsOfCompletion } from '../../support/openai-schema.js'

const text = readFileSync(new URL('../../../kong.yml', import.meta.url), 'utf8')

interface ShownRoute {
  path: string
  config: {
    route_type: string
    llm_format?: string
    model: { provider: string; name: string }
    auth: JsonObject
  }
}

const routes: ShownRoute[] = (parse(text) as { services: { routes: JsonObject[] }[] }).services
  .flatMap((service) => service.routes)
  .flatMap(({ paths, plugins }) => {
    const [plugin] = plugins as { name: string; config: ShownRoute['config'] }[]
    return plugin?.name === 'ai-proxy' ? [{ path: (paths as string[])[0]!, config: plugin.config }] : []
  })
const chats = routes.filter(
  ({ config }) => config.route_type === 'llm/v1/chat' && config.llm_format === undefined,
)

let mock: Mock
let gateway: TestGateway

beforeAll(async () => {
  // Keys of the machine that runs the specs are nobody's business.
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined)
  mock = await startMock({ pace: 0 })
  gateway = await testGateway(text, [aiProxy, redact], { settings: { mockUrl: mock.url } })
})
afterAll(async () => {
  await gateway.close()
  await mock.close()
  vi.unstubAllEnvs()
})

const messages = [{ role: 'user' as const, content: 'Say 你好 👋' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools: ChatCompletionTool[] = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, parameters },
}))

/** Of these no model can call tools: the request says so to the client. */
const WITHOUT_TOOLS = new Set(['perplexity', 'llama2'])

/** These are not asked for a stream's usage, which they send unasked and the mock does not: the gateway counts it. */
const COUNTED = new Set(['mistral', 'perplexity', 'databricks'])
const ANY_COUNT = { total_tokens: expect.any(Number) as number }

/** Azure's API passes as it is, with what its filters say: a first chunk of nothing else, and fields of each choice. */
const azureOnly = /prompt_filter_results|content_filter_results|object must be equal/
const ofOpenAi = (fault: string) => !azureOnly.test(fault)
const isAnswer = (chunk: ChatCompletionChunk) => chunk.id !== ''

describe('kong.yml', () => {
  it('has a route for every provider', () => {
    expect([...new Set(routes.map(({ config }) => config.model.provider))].toSorted()).toEqual(
      driverNames.toSorted(),
    )
  })

  it('has all its keys from the environment', () => {
    const values = routes.flatMap(({ config: { auth } }) =>
      Object.entries(auth).flatMap(([name, value]) => (name === 'header_name' ? [] : [value])),
    )
    expect(
      values.filter((value) => !/^\{vault:\/\/env\/[a-z0-9-]+\}$/.test(JSON.stringify(value).slice(1, -1))),
    ).toEqual([])
  })
})

describe.each(chats.map(({ path, config: { model } }) => ({ path, model })))(
  'the official client at $path',
  ({ path, model: { provider, name: model } }) => {
    const client = () =>
      new OpenAI({ baseURL: gateway.url + path, apiKey: 'sk-of-the-client', maxRetries: 0 })

    it('gets an answer', async () => {
      const { data, response } = await client().chat.completions.create({ model, messages }).withResponse()
      expect(faultsOfCompletion(data).filter(ofOpenAi)).toEqual([])
      expect(data.choices[0]).toMatchObject({ message: { role: 'assistant' }, finish_reason: 'stop' })
      expect(data.choices[0]?.message.content).toContain('Say 你好 👋')
      expect(data.usage?.total_tokens).toBeGreaterThan(5)
      expect(response.headers.get('x-kong-llm-model')).toBe(`${provider}/${model}`)
      expect(response.headers.get('x-kong-ai-mock')).toBe('1')
      expect(response.headers.get('x-kong-llm-dropped')).toBeNull()
      expect(JSON.stringify(mock.requests.at(-1)?.headers)).not.toContain('sk-of-the-client')
    })

    it('gets the same answer as a stream, with its usage', async () => {
      const whole = await client().chat.completions.create({ model, messages })
      const stream = client().chat.completions.stream({
        model,
        messages,
        stream_options: { include_usage: true },
      })
      const chunks = []
      for await (const chunk of stream) if (isAnswer(chunk)) chunks.push(chunk)
      expect(chunks.flatMap(faultsOfChunk).filter(ofOpenAi)).toEqual([])
      expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1)
      expect(chunks.filter(({ usage }) => usage)).toHaveLength(1)
      const usage = COUNTED.has(provider) ? ANY_COUNT : whole.usage
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
      const streamed = await stream.finalChatCompletion()
      expect(streamed.choices).toMatchObject([
        { message: { content: whole.choices[0]?.message.content }, finish_reason: 'stop' },
      ])
    })

    it('gets no usage chunk that it did not ask for', async () => {
      const stream = await client().chat.completions.create({ model, messages, stream: true })
      const chunks = []
      for await (const chunk of stream) if (isAnswer(chunk)) chunks.push(chunk)
      expect(chunks.length).toBeGreaterThan(2)
      expect(chunks.filter(({ choices, usage }) => choices.length !== 1 || usage)).toEqual([])
    })

    it.runIf(!WITHOUT_TOOLS.has(provider)).each([false, true])(
      'calls tools, and goes on with what they said (streamed: %s)',
      async (streamed) => {
        const question: ChatCompletionMessageParam = {
          role: 'user',
          content: 'Use get_weather and get_time.',
        }
        const ask = async (history: ChatCompletionMessageParam[]) => {
          const asked = { model, messages: history, tools }
          const answer = streamed
            ? await client().chat.completions.stream(asked).finalChatCompletion()
            : await client().chat.completions.create(asked)
          return answer.choices[0]!
        }
        const first = await ask([question])
        const calls = first.message.tool_calls ?? []
        expect(first.finish_reason).toBe('tool_calls')
        expect(
          calls.map((call) => call.type === 'function' && [call.function.name, call.function.arguments]),
        ).toEqual([
          ['get_weather', '{"city":"mock"}'],
          ['get_time', '{"city":"mock"}'],
        ])
        expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
        const results = calls.map(({ id }, i) => ({
          role: 'tool' as const,
          tool_call_id: id,
          content: `result ${i}`,
        }))
        const second = await ask([question, first.message, ...results])
        expect(second.finish_reason).toBe('stop')
        expect(second.message.content).toMatch(/result 0.*result 1/)
      },
    )

    it.runIf(WITHOUT_TOOLS.has(provider))('is told that there are no tools', async () => {
      const { response } = await client().chat.completions.create({ model, messages, tools }).withResponse()
      expect(response.headers.get('x-kong-llm-dropped')).toBe('tools')
    })
  },
)
