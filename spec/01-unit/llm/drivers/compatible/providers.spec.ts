import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../../lib/llm/answers/index.js'
import type { ModelOptions } from '../../../../../lib/llm/driver.js'
import { compatibleProviders } from '../../../../../lib/llm/drivers/compatible-providers.js'
import { driverNames, driverOf } from '../../../../../lib/llm/drivers/index.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { PROVIDERS } from '../../../../../plugins/ai-proxy/model-schema.js'
import { byteByByte } from '../../../../support/cuts.js'
import { fixtureLines } from '../../../../support/driver-harness.js'
import { readAsClient, sse, through } from '../../../../support/streams.js'

const OPTIONS: Record<string, ModelOptions> = {
  vllm: { upstream_url: 'http://vllm:8000/v1/chat/completions' },
  databricks: { databricks: { workspace_instance_id: 'dbc-1' } },
}
const MESSAGES = [{ role: 'user', content: 'Hi' }]

function ask(
  name: string,
  body: JsonObject,
  { model = 'm', stream = false, options = OPTIONS[name] ?? {} } = {},
) {
  const driver = driverOf(name, options)!
  return driver.native!['llm/v1/chat']!.request({ messages: MESSAGES, ...body }, { model, options, stream })
}

describe('the drivers', () => {
  it('are there for every provider that the config may name', () => {
    expect(driverNames.toSorted()).toEqual([...PROVIDERS].toSorted())
    for (const name of driverNames) expect(driverOf(name, OPTIONS[name])?.name).toBe(name)
  })
})

describe('the providers of one API', () => {
  it.each([
    ['vllm', 'http://vllm:8000', '/v1/chat/completions', '/v1/completions'],
    ['deepseek', 'https://api.deepseek.com:443', '/v1/chat/completions', '/beta/completions'],
    ['xai', 'https://api.x.ai:443', '/v1/chat/completions', '/v1/completions'],
    ['cerebras', 'https://api.cerebras.ai:443', '/v1/chat/completions', '/v1/completions'],
    [
      'dashscope',
      'https://dashscope-intl.aliyuncs.com:443',
      '/compatible-mode/v1/chat/completions',
      undefined,
    ],
    [
      'databricks',
      'https://dbc-1.cloud.databricks.com:443',
      '/serving-endpoints/v1/chat/completions',
      '/serving-endpoints/v1/completions',
    ],
    ['groq', 'https://api.groq.com:443', '/openai/v1/chat/completions', undefined],
    ['openrouter', 'https://openrouter.ai:443', '/api/v1/chat/completions', '/api/v1/completions'],
    ['together', 'https://api.together.xyz:443', '/v1/chat/completions', '/v1/completions'],
    [
      'fireworks',
      'https://api.fireworks.ai:443',
      '/inference/v1/chat/completions',
      '/inference/v1/completions',
    ],
    ['perplexity', 'https://api.perplexity.ai:443', '/chat/completions', undefined],
    ['moonshot', 'https://api.moonshot.ai:443', '/v1/chat/completions', undefined],
  ])('%s is at %s', (name, origin, path, completionsPath) => {
    expect(ask(name, {})).toMatchObject({ origin, path, body: { model: 'm', messages: MESSAGES } })
    const completions = driverOf(name)!.native!['llm/v1/completions']
    const options = OPTIONS[name] ?? {}
    expect(completions?.request({ prompt: 'Hi' }, { model: 'm', options, stream: false }).path).toBe(
      completionsPath,
    )
  })

  it('pass on what they may know better', () => {
    for (const { name } of compatibleProviders) {
      expect(ask(name, { model: 'm', odd: { a: [1] } })).toMatchObject({
        body: { model: 'm', odd: { a: [1] } },
        changed: false,
        dropped: [],
      })
    }
  })

  it.each<[string, JsonObject, JsonObject, string[]]>([
    ['deepseek', { max_completion_tokens: 5, seed: 1, n: 1 }, { max_tokens: 5 }, ['seed']],
    [
      'deepseek',
      { messages: [{ role: 'developer', content: 'a' }] },
      { messages: [{ role: 'system', content: 'a' }] },
      [],
    ],
    ['cerebras', { frequency_penalty: 1, presence_penalty: 0, seed: 1 }, { seed: 1 }, ['frequency_penalty']],
    ['dashscope', { top_k: 3, enable_thinking: true }, { top_k: 3, enable_thinking: true }, []],
    ['groq', { n: 2, logprobs: true, logit_bias: { 1: 1 } }, {}, ['logprobs', 'logit_bias', 'n']],
    [
      'groq',
      {
        messages: [
          { role: 'user', name: 'Ann', content: 'a' },
          { role: 'tool', name: 'f', tool_call_id: 'x', content: 'b' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'tool', name: 'f', tool_call_id: 'x', content: 'b' },
        ],
      },
      ['messages[0].name'],
    ],
    [
      'openrouter',
      { top_k: 3, reasoning: { effort: 'low' } },
      { top_k: 3, reasoning: { effort: 'low' } },
      [],
    ],
    [
      'perplexity',
      { tools: [{}], tool_choice: 'auto', parallel_tool_calls: false, stop: 'a', search_mode: 'web' },
      { search_mode: 'web' },
      ['tools', 'parallel_tool_calls', 'stop'],
    ],
    ['moonshot', { seed: 1, max_completion_tokens: 5 }, { max_completion_tokens: 5 }, ['seed']],
  ])('%s is asked %j in its words', (name, body, expected, dropped) => {
    expect(ask(name, body)).toMatchObject({ dropped })
    expect(ask(name, body).body).toEqual({ model: 'm', messages: MESSAGES, ...expected })
  })

  it.each([
    ['grok-4', true],
    ['grok-4.20-0309-reasoning', true],
    ['grok-3-mini', true],
    ['grok-4-fast-non-reasoning', false],
    ['grok-3', false],
  ])('xai has models that think, which take no penalties and stops: %s', (model, thinks) => {
    const { dropped } = ask('xai', { stop: 'a', presence_penalty: 1 }, { model })
    expect(dropped).toEqual(thinks ? ['presence_penalty', 'stop'] : [])
  })

  it('are asked for usage in streams, unless they send it unasked', () => {
    const silent = compatibleProviders
      .map(({ name }) => name)
      .filter((name) => ask(name, {}, { stream: true }).body.stream_options === undefined)
    expect(silent).toEqual(['databricks', 'perplexity'])
  })

  it('dashscope has a host in China', () => {
    const options = { dashscope: { international: false } }
    expect(ask('dashscope', {}, { options }).origin).toBe('https://dashscope.aliyuncs.com:443')
  })

  it.each([
    ['databricks', {}, 'databricks.workspace_instance_id'],
    [
      'databricks',
      { databricks: { workspace_instance_id: 'evil.com/' } },
      'databricks.workspace_instance_id',
    ],
    ['vllm', {}, 'upstream_url'],
    ['vllm', { upstream_url: '' }, 'upstream_url'],
  ])('%s says which field of the config is missing: %j', (name, options, param) => {
    expect(() => ask(name, {}, { options })).toThrow(expect.objectContaining({ status: 500, param }))
  })
})

describe('the answers of the providers of one API', () => {
  it.each([
    ['perplexity', 'perplexity-citations', { usage: { prompt_tokens: 10, completion_tokens: 336 } }],
    ['groq', 'groq-tool-call', { finishReasons: ['tool_calls'], usage: { total_tokens: 225 } }],
    ['moonshot', 'moonshotai-stream', { model: 'kimi-k3', usage: { total_tokens: 21 } }],
    ['dashscope', 'alibaba-tool-call', { model: 'qwen3-max', finishReasons: ['tool_calls'] }],
  ])('pass as they are, read on the way: %s', (name, recording, facts) => {
    const chunks = fixtureLines(`recorded/compatible/${recording}.chunks.txt`)
    const bytes = Buffer.concat([Buffer.from(': PROCESSING\n\n'), sse(chunks)])
    const answer = createAnswer({
      driver: driverOf(name)!,
      route: 'llm/v1/chat',
      native: true,
      stream: true,
      contentType: 'text/event-stream',
      model: 'm',
      includeUsage: true,
    })
    const out = through(answer, byteByByte(bytes))
    expect(out.toString()).toContain(bytes.toString().slice(0, -'data: [DONE]\n\n'.length))
    // Usage that came beside choices comes once more, as the chunk that a client waits for.
    const owed = isUsageChunk(chunks.at(-1)) ? [] : [{ choices: [], usage: { ...answer.facts.usage } }]
    expect(readAsClient(out)).toMatchObject({ chunks: [...chunks, ...owed], done: true })
    expect(answer.facts).toMatchObject({ unknownFrames: 0, ...facts })
  })
})

function isUsageChunk(chunk: JsonObject | undefined): boolean {
  return Array.isArray(chunk?.choices) && chunk.choices.length === 0
}
