import { assert, constantFrom, dictionary, jsonValue, oneof, property, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { driverNames, driverOf } from '../../../../lib/llm/drivers/index.js'
import type { ModelOptions, ProviderRequest } from '../../../../lib/llm/driver.js'
import { ChatError } from '../../../../lib/llm/errors.js'
import { decodeChat } from '../../../../lib/llm/formats/chat.js'
import type { JsonObject } from '../../../../lib/llm/json.js'

/** Options with which every provider has all that it needs. */
const OPTIONS: ModelOptions = {
  upstream_url: 'http://localhost:1',
  azure_instance: 'here',
  azure_deployment_id: 'one',
  bedrock: { aws_region: 'us-east-1' },
  databricks: { workspace_instance_id: 'dbc' },
}

/** Each driver that there is, by the options that choose it. */
const DRIVERS: [string, ModelOptions][] = [
  ...driverNames.map((name): [string, ModelOptions] => [name, OPTIONS]),
  ['mistral', { ...OPTIONS, mistral_format: 'ollama' }],
  ['mistral', { ...OPTIONS, upstream_url: 'https://api.mistral.ai/' }],
  ['llama2', { ...OPTIONS, llama2_format: 'ollama' }],
  ['llama2', { ...OPTIONS, llama2_format: 'openai' }],
]

const MARK = 'a-word-of-no-other-part'
const KNOWN = new Set(['text', 'refusal', 'image_url', 'input_audio', 'file', 'function'])

/** Parts and tools of types that OpenAI does not have: some that a provider has, some that nobody has. */
const foreign = tuple(
  oneof(
    constantFrom('document', 'search_result', 'image', 'custom', 'web_search_20250305', 'constructor'),
    string({ minLength: 1 }).filter((type) => !KNOWN.has(type)),
  ),
  dictionary(constantFrom('text', 'name', 'source', 'function', 'custom'), jsonValue({ depthSize: 'small' })),
).map(([type, rest]) => Object.assign({}, rest as JsonObject, { type, mark: MARK }))

const TEXT = { type: 'text', text: 'Hi' }
const CALL = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }

/** Requests with one foreign thing in them, and its path. */
const PLACES: Readonly<Record<string, (value: JsonObject) => { path: string; body: JsonObject }>> = {
  'a system message': (value) => ({
    path: 'messages[0].content[1]',
    body: {
      messages: [
        { role: 'system', content: [TEXT, value] },
        { role: 'user', content: 'Hi' },
      ],
    },
  }),
  'a user message': (value) => ({
    path: 'messages[0].content[1]',
    body: { messages: [{ role: 'user', content: [TEXT, value] }] },
  }),
  "an assistant's message": (value) => ({
    path: 'messages[1].content[1]',
    body: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [TEXT, value] },
        { role: 'user', content: 'So?' },
      ],
    },
  }),
  'the result of a tool': (value) => ({
    path: 'messages[2].content[1]',
    body: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, tool_calls: [CALL] },
        { role: 'tool', tool_call_id: CALL.id, content: [TEXT, value] },
      ],
    },
  }),
  'the tools': (value) => ({
    path: 'tools[1]',
    body: {
      messages: [{ role: 'user', content: 'Hi' }],
      tools: [{ type: 'function', function: { name: 'f' } }, value],
    },
  }),
}

describe.each(DRIVERS)('%s (%j)', (name, options) => {
  const driver = driverOf(name, options)!

  it.each(Object.entries(PLACES))('passes or reports a thing of a foreign type in %s', (place, build) => {
    assert(
      property(foreign, (value) => {
        const { path, body } = build(value)
        const asked = attempt(() =>
          driver.request(decodeChat(body), { model: 'some-model', options, stream: false }),
        )
        const judged = asked instanceof ChatError ? asked.status : passes(asked) !== reports(asked, path)
        // Where there are no tools at all, there are no results of any.
        const noTools = `${place} of ${driver.name}` === 'the result of a tool of llama2' && judged === 400
        expect(noTools || judged).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('refuses or passes a message of nothing else', () => {
    assert(
      property(foreign, (value) => {
        const body = { messages: [{ role: 'user', content: [value] }] }
        const asked = attempt(() =>
          driver.request(decodeChat(body), { model: 'some-model', options, stream: true }),
        )
        expect(asked instanceof ChatError ? asked.status === 400 : passes(asked)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

function passes({ body }: ProviderRequest): boolean {
  return JSON.stringify(body).includes(MARK)
}

function reports({ dropped }: ProviderRequest, path: string): boolean {
  return dropped.some((one) => path === one || path.startsWith(`${one}[`))
}

function attempt<T>(run: () => T): T | ChatError {
  try {
    return run()
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
}
