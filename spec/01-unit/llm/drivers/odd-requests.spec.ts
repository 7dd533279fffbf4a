import { describe, expect, it } from 'vitest'
import type { ModelOptions, ProviderRequest } from '../../../../lib/llm/driver.js'
import { driverOf } from '../../../../lib/llm/drivers/index.js'
import { decodeChat } from '../../../../lib/llm/formats/chat.js'
import type { Json, JsonObject } from '../../../../lib/llm/json.js'
import { objects } from '../../../support/json.js'

/** The providers with an API of their own, a model of each, and what their config needs. */
const PROVIDERS: [provider: string, model: string, options: ModelOptions][] = [
  ['anthropic', 'claude-sonnet-4-5', {}],
  ['bedrock', 'us.amazon.nova-pro-v1:0', { bedrock: { aws_region: 'us-east-1' } }],
  ['cohere', 'command-a-03-2025', {}],
  ['gemini', 'gemini-2.5-flash', {}],
  ['mistral', 'mistral-small-latest', {}],
  ['ollama', 'llama3', { upstream_url: 'http://localhost:11434' }],
]

function request(provider: string, model: string, options: ModelOptions, body: JsonObject): ProviderRequest {
  return driverOf(provider, options)!.request(decodeChat(body), { model, options, stream: false })
}

const USER = { role: 'user', content: 'Hi' }
const TOOL = {
  type: 'function',
  function: { name: 'look', description: null, parameters: null, strict: null },
}
const CALL = { id: 'call00001', type: 'function', function: { name: 'look', arguments: '' } }

describe.each(PROVIDERS)('a request to %s', (provider, model, options) => {
  const ask = (body: JsonObject) => request(provider, model, options, body)

  it('has no null in it, however many the client sent', () => {
    const file: Json = provider === 'bedrock' || provider === 'ollama' ? 'data:text/plain,x' : null
    const { body } = ask({
      messages: [
        { role: 'system', content: 'S', name: null },
        {
          role: 'user',
          name: null,
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: null } },
            { type: 'file', file: { file_data: file, file_id: 'https://files.example/f', filename: null } },
          ],
        },
        { role: 'assistant', content: null, refusal: null, reasoning_content: null, tool_calls: [CALL] },
        { role: 'tool', tool_call_id: CALL.id, content: 'seen' },
      ],
      ...Object.fromEntries(
        ['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'n', 'stop', 'seed']
          .concat(['logprobs', 'top_logprobs', 'tool_choice', 'parallel_tool_calls', 'response_format'])
          .concat(['reasoning_effort', 'metadata', 'user', 'presence_penalty', 'frequency_penalty'])
          .map((field) => [field, null]),
      ),
      tools: [TOOL],
    })
    expect(JSON.stringify(body)).not.toContain('null')
  })

  it('has an object for the arguments of a call without any', () => {
    const { body } = ask({
      messages: [
        USER,
        { role: 'assistant', content: '', tool_calls: [CALL] },
        { role: 'tool', tool_call_id: CALL.id, content: 'seen' },
      ],
    })
    expect(JSON.stringify(body)).toMatch(/"(?:arguments|input|args)":(?:\{\}|"\{\}")/)
  })

  it.each(['required', { type: 'function', function: { name: 'look' } }] as Json[])(
    'says of the choice %j that there is nothing to choose from',
    (choice) => {
      const { dropped } = ask({ messages: [USER], tool_choice: choice })
      // Mistral's API has the choice in the same words, for it to judge.
      expect(dropped).toEqual(provider === 'mistral' ? [] : ['tool_choice'])
    },
  )

  it('has no stop sequence that stops nothing', () => {
    const { body } = ask({ messages: [USER], stop: ['', 'END'] })
    expect(JSON.stringify(body)).toMatch(provider === 'mistral' ? /"stop":\["","END"\]/ : /:\["END"\]/)
  })

  it('has no message of an assistant that said nothing', () => {
    const { body } = ask({
      messages: [USER, { role: 'assistant', content: '' }, { role: 'user', content: 'Hello?' }],
    })
    const roles = new Set(objects(body.messages ?? body.contents).map(({ role }) => role))
    expect(roles.has('assistant') || roles.has('model')).toBe(provider === 'ollama')
  })

  it('offers those tools only that the client allows', () => {
    const tools = ['one', 'two'].map((name) => ({ type: 'function', function: { name } }))
    const allowed = { mode: 'required', tools: [tools[1]!] }
    const choice = { type: 'allowed_tools', allowed_tools: allowed }
    const { body } = ask({ messages: [USER], tools, tool_choice: choice })
    expect(JSON.stringify(body)).toContain('"two"')
    // Gemini has a list of allowed tools of its own.
    expect(JSON.stringify(body).includes('"one"')).toBe(provider === 'gemini')
    expect(JSON.stringify(body)).not.toContain('allowed_tools')
  })

  it('has a turn, also where the client sent a system message only', () => {
    const { body } = ask({ messages: [{ role: 'system', content: 'Say hi.' }] })
    expect(objects(body.messages ?? body.contents)).toHaveLength(1)
    expect(JSON.stringify(body.messages ?? body.contents)).toContain('Say hi.')
  })
})

describe('an address that pattern matching could drown in', () => {
  it.each(PROVIDERS.filter(([provider]) => provider !== 'bedrock' && provider !== 'ollama'))(
    'goes to %s as it is',
    (provider, model, options) => {
      const url = `https://${'.a?'.repeat(300_000)}\n`
      const content = [{ type: 'image_url', image_url: { url } }]
      const { body } = request(provider, model, options, { messages: [{ role: 'user', content }] })
      expect(JSON.stringify(body)).toContain(JSON.stringify(url))
    },
  )
})

describe('a message with a field that nobody knows', () => {
  it.each(['system', 'user', 'assistant', 'tool'])(
    'loses it on the way to Mistral, which would refuse it: %s',
    (role) => {
      const { body, dropped } = request(
        'mistral',
        'mistral-small-latest',
        {},
        {
          messages: [
            USER,
            {
              role,
              content: 'x',
              cache_control: { type: 'ephemeral' },
              ...(role === 'tool' && { tool_call_id: CALL.id }),
            },
          ],
        },
      )
      expect(JSON.stringify(body)).not.toContain('ephemeral')
      expect(dropped).toEqual(['messages[1].cache_control'])
    },
  )
})
