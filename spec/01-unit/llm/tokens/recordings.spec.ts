import { describe, expect, it } from 'vitest'
import type { Usage } from '../../../../lib/llm/chat.js'
import { driverOf } from '../../../../lib/llm/drivers/index.js'
import { ChatWholeSink } from '../../../../lib/llm/formats/chat-whole.js'
import { completions } from '../../../../lib/llm/formats/completions.js'
import type { JsonObject } from '../../../../lib/llm/json.js'
import type { Frame } from '../../../../lib/llm/frames/frame.js'
import { countUsage } from '../../../../lib/llm/tokens/count-usage.js'
import { Said } from '../../../../lib/llm/tokens/said.js'
import { fixtureLines, fixtureObject } from '../../../support/driver-harness.js'

interface Counts {
  own: number
  counted: number
}

/** What the provider counted of its recorded answer, and what we do. */
async function counts(provider: string, model: string, path: string): Promise<Counts> {
  const said = new Said()
  const sink = new ChatWholeSink({ model, said })
  const driver = driverOf(provider)!
  if (path.endsWith('.chunks.txt')) {
    const translator = driver.stream(sink)
    for (const event of fixtureLines(path)) translator.frame(frameOf(provider, event))
    translator.end()
  } else {
    driver.response(fixtureObject(path), sink)
  }
  return compare(said, sink.lastUsage!, [sink.model ?? '', model])
}

function frameOf(provider: string, event: JsonObject): Frame {
  if (provider !== 'bedrock') return { event: '', data: JSON.stringify(event) }
  const [name, payload] = Object.entries(event)[0]!
  return { event: name, data: JSON.stringify(payload) }
}

async function compare(said: Said, usage: Usage, models: string[]): Promise<Counts> {
  const counted = await countUsage({ prompt: {}, framed: false, models, said })
  const thought = usage.completion_tokens_details?.reasoning_tokens ?? 0
  // Reasoning that is not shown cannot be counted.
  const shown = counted.completion_tokens_details?.reasoning_tokens !== undefined
  return { own: usage.completion_tokens - (shown ? 0 : thought), counted: counted.completion_tokens }
}

describe('the tokens of OpenAI’s answers', () => {
  it.each([
    ['streamed', 'recorded/openai/openai-text.chunks.txt', 300],
    ['of a reasoning model', 'recorded/openai/azure-model-router.1.chunks.txt', 14],
    ['with cl100k', 'kong/unit/real-responses/openai/llm-v1-chat.json', 139],
    ['of few words', 'kong/openai/llm-v1-chat/responses/good.json', 12],
  ])('are its own, %s', async (_, path, tokens) => {
    expect(await counts('openai', 'm', path)).toEqual({ own: tokens, counted: tokens })
  })

  it('are its own, of a text completion', async () => {
    const body = fixtureObject('kong/unit/real-responses/openai/llm-v1-completions.json')
    const said = new Said()
    const sink = completions.whole({ model: 'm', said })
    completions.reader(sink).body(body)
    expect(await compare(said, sink.lastUsage!, [sink.model!])).toEqual({ own: 225, counted: 225 })
  })

  it('may have been cut otherwise by the model than by the encoding', async () => {
    const { own, counted } = await counts('openai', 'm', 'recorded/openai/openai-text.json')
    expect(own - counted).toBe(1)
  })
})

describe('the tokens of other families, by their ratios', () => {
  it.each([
    ['anthropic', 'recorded/anthropic/anthropic-text.json', 0.05],
    ['anthropic', 'recorded/usage/anthropic-clear-tool-uses.1.json', 0.05],
    ['anthropic', 'recorded/usage/anthropic-combined-context-editing.1.json', 0.1],
    ['anthropic', 'recorded/usage/anthropic-json-output-format.1.json', 0.1],
    ['anthropic', 'recorded/usage/anthropic-claude-opus-5-reasoning-high.1.json', 0.05],
    ['anthropic', 'recorded/anthropic/anthropic-json-tool.1.json', 0.05],
    ['bedrock', 'recorded/bedrock/amazon-bedrock-text.json', 0.05],
    ['bedrock', 'recorded/bedrock/amazon-bedrock-reasoning.json', 0.15],
    ['gemini', 'recorded/gemini/google-text.json', 0.05],
    ['gemini', 'recorded/gemini/google-tool-call.json', 0.05],
    ['cohere', 'recorded/cohere/cohere-text.json', 0.05],
    ['cohere', 'recorded/cohere/cohere-tool-call.json', 0.05],
    ['mistral', 'recorded/usage/mistral-text.json', 0.05],
    ['mistral', 'recorded/mistral/mistral-tool-call.json', 0.05],
    ['dashscope', 'recorded/usage/alibaba-text.json', 0.05],
    ['groq', 'recorded/usage/groq-text.json', 0.05],
    ['groq', 'recorded/usage/groq-reasoning.json', 0.05],
    ['deepseek', 'recorded/usage/deepseek-text.json', 0.05],
    ['azure', 'recorded/usage/azure-deepseek-reasoning.1.json', 0.05],
    ['perplexity', 'recorded/usage/perplexity-text.json', 0.05],
  ])('%s: %s', async (provider, path, tolerance) => {
    const model = { bedrock: 'anthropic.claude-sonnet-4-5', cohere: 'command-a-03-2025' }[provider]
    const { own, counted } = await counts(provider, model ?? 'gemini', path)
    expect(Math.abs(counted - own) / own).toBeLessThanOrEqual(tolerance)
  })
})
