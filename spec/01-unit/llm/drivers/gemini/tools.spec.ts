import { describe, expect, it } from 'vitest'
import type { ChatRequest, Tool, ToolChoice } from '../../../../../lib/llm/chat.js'
import { gemini } from '../../../../../lib/llm/drivers/gemini/index.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(gemini, { model: 'gemini-2.5-flash', options: {}, stream: false })
const parameters = {
  $schema: 'x',
  type: 'object',
  properties: { a: { $ref: '#/$defs/a' } },
  additionalProperties: false,
}
const tools: Tool[] = [
  { type: 'function', function: { name: 'f', description: 'does f', parameters } },
  { type: 'function', function: { name: 'g' } },
]

describe('Gemini, tools', () => {
  it('sends JSON Schema as it is', () => {
    expect(driver.request({ tools }).body.tools).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: 'does f', parametersJsonSchema: parameters },
          { name: 'g' },
        ],
      },
    ])
  })

  it.each<[unknown, unknown]>([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'f' } },
      { mode: 'ANY', allowedFunctionNames: ['f'] },
    ],
    [allowed('required'), { mode: 'ANY', allowedFunctionNames: ['g'] }],
    [allowed('auto'), { mode: 'VALIDATED', allowedFunctionNames: ['g'] }],
  ])('says the choice %j', (choice, functionCallingConfig) => {
    expect(driver.request({ tools, tool_choice: choice as ToolChoice }).body.toolConfig).toEqual({
      functionCallingConfig,
    })
  })

  it.each([
    ['a function without a name', { tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    ['a choice that nobody knows', { tools, tool_choice: 'perhaps' }, 'tool_choice'],
    [
      'a choice of tools without tools',
      { tools, tool_choice: { allowed_tools: { mode: 'auto' } } },
      'tool_choice',
    ],
    ['a choice of tools in no mode', { tools, tool_choice: { allowed_tools: { tools } } }, 'tool_choice'],
  ])('refuses %s', (_, chat, param) => {
    expect(() => driver.request(chat as unknown as ChatRequest)).toThrow(
      expect.objectContaining({ status: 400, param }),
    )
  })

  it('says no choice where there is nothing to choose', () => {
    expect(driver.request({ tool_choice: 'auto' }).body.toolConfig).toBeUndefined()
  })

  it("passes Google's own tools and config through", () => {
    const { body, dropped } = driver.request({
      tools: [{ googleSearch: {} } as unknown as Tool, ...tools],
      tool_choice: 'auto',
      tool_config: { retrievalConfig: { languageCode: 'en' } },
    })
    expect(body.tools).toHaveLength(2)
    expect(body.tools).toContainEqual({ googleSearch: {} })
    expect(body.toolConfig).toEqual({
      functionCallingConfig: { mode: 'AUTO' },
      retrievalConfig: { languageCode: 'en' },
    })
    expect(dropped).toEqual([])
  })

  it('reports what it cannot say', () => {
    const { body, dropped } = driver.request({
      tools: [
        { type: 'custom', custom: {} } as unknown as Tool,
        { type: 'function', function: { name: 'f', strict: true } },
      ],
      parallel_tool_calls: false,
      toolConfig: { functionCallingConfig: { mode: 'AUTO', streamFunctionCallArguments: true } },
    })
    expect(body.toolConfig).toEqual({ functionCallingConfig: { mode: 'AUTO' } })
    expect(dropped).toEqual([
      'tools[0]',
      'tools[1].function.strict',
      'parallel_tool_calls',
      'toolConfig.functionCallingConfig.streamFunctionCallArguments',
    ])
  })
})

function allowed(mode: string): unknown {
  return {
    type: 'allowed_tools',
    allowed_tools: { mode, tools: [{ type: 'function', function: { name: 'g' } }] },
  }
}
