import { describe, expect, it } from 'vitest'
import { driverOf } from '../../../../lib/llm/drivers/index.js'
import type { ProviderRequest } from '../../../../lib/llm/driver.js'
import { decodeChat } from '../../../../lib/llm/formats/chat.js'
import type { Json, JsonObject } from '../../../../lib/llm/json.js'

const CALL = { id: 'call00001', type: 'function', function: { name: 'look', arguments: '{}' } }
const IMAGE = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }

function ask(provider: string, model: string, content: Json[], more: JsonObject = {}): ProviderRequest {
  const body = {
    messages: [
      { role: 'user', content: 'Look' },
      { role: 'assistant', content: null, tool_calls: [CALL] },
      { role: 'tool', tool_call_id: CALL.id, content },
    ],
    ...more,
  }
  const options = { upstream_url: 'http://localhost:1', bedrock: { aws_region: 'us-east-1' } }
  return driverOf(provider, options)!.request(decodeChat(body), { model, options, stream: false })
}

describe("an image in a tool's result", () => {
  const content = [{ type: 'text', text: 'Seen:' }, IMAGE]

  it.each<[provider: string, model: string, part: JsonObject]>([
    [
      'anthropic',
      'claude-sonnet-4-5',
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
    ],
    ['bedrock', 'us.amazon.nova-pro-v1:0', { image: { format: 'png', source: { bytes: 'AAAA' } } }],
    ['gemini', 'gemini-3-pro', { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
    ['ollama', 'llama3', { images: ['AAAA'] }],
  ])('reaches %s', (provider, model, part) => {
    const { body, dropped } = ask(provider, model, content)
    expect(JSON.stringify(body)).toContain(JSON.stringify(part).slice(1, -1))
    expect(dropped).toEqual([])
  })

  it.each([
    ['gemini', 'gemini-2.5-flash'],
    ['cohere', 'command-a-03-2025'],
  ])('is reported where %s takes none', (provider, model) => {
    const { body, dropped } = ask(provider, model, content)
    expect(JSON.stringify(body)).not.toContain('AAAA')
    expect(dropped).toEqual(['messages[2].content[1]'])
  })

  it.each([
    ['gemini', 'gemini-2.5-flash'],
    ['cohere', 'command-a-03-2025'],
  ])('that is all of it is refused where %s takes none', (provider, model) => {
    expect(() => ask(provider, model, [IMAGE])).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[2].content' }),
    )
  })
})

describe('results of calls whose thinking the client did not keep', () => {
  const thinking = { reasoning_effort: 'low' }

  it.each([
    ['anthropic', 'claude-sonnet-4-5'],
    ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'],
  ])('are answered by %s without thinking', (provider, model) => {
    const { body, dropped } = ask(provider, model, [{ type: 'text', text: 'Seen' }], thinking)
    expect(JSON.stringify(body)).not.toContain('thinking')
    expect(dropped).toEqual(['reasoning_effort'])
  })
})

describe('a choice among some of the tools', () => {
  const tools = ['a', 'b', 'c'].map((name) => ({ type: 'function', function: { name } }))
  const allowed = (mode: string) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: tools.slice(0, 2) },
  })
  const names = ({ body }: ProviderRequest) =>
    [...JSON.stringify(body.tools ?? body.toolConfig).matchAll(/"name":"(\w)"/g)].map(([, name]) => name)

  it.each([
    ['anthropic', 'required', []],
    ['bedrock', 'required', []],
    ['cohere', 'required', []],
    ['ollama', 'required', ['tool_choice']],
    ['ollama', 'auto', []],
  ])('narrows what %s is offered, %s', (provider, mode, dropped) => {
    const content = [{ type: 'text', text: 'x' }]
    const asked = ask(provider, 'some-model', content, { tools, tool_choice: allowed(mode) })
    expect(names(asked)).toEqual(['a', 'b'])
    expect(asked.dropped).toEqual(dropped)
  })
})
