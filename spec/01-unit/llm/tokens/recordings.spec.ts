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
import { object } from '../../../support/json.js'

interface Counts {
  own: number
  counted: number
}

/** Keeps what is said when the provider's own count comes. */
class Kept extends Said {
  override release(): void {}
}

/** What the provider counted of its recorded answer, and what we do. */
async function counts(provider: string, model: string, path: string): Promise<Counts> {
  const said = new Kept(model)
  const sink = new ChatWholeSink({ model, said })
  const driver = driverOf(provider)!
  if (path.endsWith('.chunks.txt')) {
    const translator = driver.stream(sink)
    for (const event of fixtureLines(path)) translator.frame(frameOf(provider, event))
    translator.end()
  } else {
    driver.response(fixtureObject(path), sink)
  }
  // Made by a tool that the request told the model to call.
  const prompt = path.includes('json-tool') ? { tool_choice: 'required' } : {}
  return compare(said, sink.lastUsage!, path.includes('azure') ? 'azure' : provider, prompt)
}

function frameOf(provider: string, event: JsonObject): Frame {
  if (provider !== 'bedrock') return { event: '', data: JSON.stringify(event) }
  const [name, payload] = Object.entries(event)[0]!
  return { event: name, data: JSON.stringify(payload) }
}

async function compare(said: Said, usage: Usage, provider: string, prompt: JsonObject = {}): Promise<Counts> {
  const counted = await countUsage({ prompt, form: 'openai', provider, said })
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
    const said = new Kept('m')
    const sink = completions.whole({ model: 'm', said })
    completions.reader(sink).body(body)
    expect(await compare(said, sink.lastUsage!, 'openai')).toEqual({ own: 225, counted: 225 })
  })

  // One deployment, the same question, nine seconds apart: the stream's 300 tokens are exactly those of its text, and of
  // this answer one more is counted than the encoding finds in it. Either the end mark counted, as it demonstrably did for
  // every answer of early 2025 (below) and does on Azure, or the model wrote a word in two tokens that the encoding has one
  // for, of which no other recording of OpenAI's has an example. Nothing in the answer tells which answers that happens to.
  it('may be one more than what is said', async () => {
    const { own, counted } = await counts('openai', 'm', 'recorded/openai/openai-text.json')
    expect({ own, counted }).toEqual({ own: 363, counted: 362 })
  })
})

interface Recorded {
  provider: string
  request: JsonObject
  answer: { model: string; created: number; usage: Usage }
}

const recorded = fixtureLines('recorded/openai-usage.jsonl').map((line, i) => {
  const { provider, request, answer } = line as unknown as Recorded
  const { messages: _, ...options } = request
  const title = `${i + 1}: ${provider} ${answer.model} ${Object.keys(options).join(', ')}`
  return { title, provider, request, answer, created: answer.created }
})
type Line = (typeof recorded)[number]

/** When OpenAI's deployments of gpt-4o, gpt-4.1 and gpt-4.5 counted the mark that ends an answer. */
const MARKED = { from: Date.UTC(2025, 0, 1) / 1000, to: Date.UTC(2025, 4, 31) / 1000 }
const isMarked = ({ provider, created }: Line) =>
  provider === 'openai' && created > MARKED.from && created < MARKED.to

async function countsOf({ provider, request, answer }: Line): Promise<Counts> {
  const said = new Kept('m')
  const sink = new ChatWholeSink({ model: 'm', said })
  driverOf('openai')!.response(answer, sink)
  return compare(said, answer.usage, provider, request)
}

describe('the tokens of an answer are OpenAI’s own', () => {
  it.each(recorded.filter((line) => !isMarked(line)))('$title', async (line) => {
    const { own, counted } = await countsOf(line)
    expect(counted).toBe(own)
  })

  it.each(recorded.filter(isMarked))(
    'but for the end mark that counted in early 2025: $title',
    async (line) => {
      const { own, counted } = await countsOf(line)
      expect(own - counted).toBe(1)
    },
  )
})

describe('the tokens of a prompt are OpenAI’s own to 5 %', () => {
  // How it shows models the schema of an answer is not known.
  const known = recorded.filter(({ request }) => !object(request.response_format ?? {}).json_schema)

  it.each(known)('$title', async ({ provider, request, answer }) => {
    const said = new Kept(answer.model)
    const { prompt_tokens } = await countUsage({ prompt: request, form: 'openai', provider, said })
    expect(Math.abs(prompt_tokens - answer.usage.prompt_tokens)).toBeLessThanOrEqual(
      0.05 * answer.usage.prompt_tokens,
    )
  })
})

describe('the tokens of other families, by their ratios', () => {
  it.each([
    ['anthropic', 'recorded/anthropic/anthropic-text.json', 0.05],
    ['anthropic', 'recorded/usage/anthropic-clear-tool-uses.1.json', 0.05],
    ['anthropic', 'recorded/usage/anthropic-combined-context-editing.1.json', 0.1],
    ['anthropic', 'recorded/usage/anthropic-json-output-format.1.json', 0.1],
    ['anthropic', 'recorded/usage/anthropic-claude-opus-5-reasoning-high.1.json', 0.05],
    ['anthropic', 'recorded/anthropic/anthropic-json-tool.1.json', 0.12],
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
