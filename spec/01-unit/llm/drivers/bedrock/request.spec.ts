import { describe, expect, it } from 'vitest'
import type { ChatMessage } from '../../../../../lib/llm/chat.js'
import { bedrock } from '../../../../../lib/llm/drivers/bedrock/index.js'
import { DriverHarness, fixtureObject } from '../../../../support/driver-harness.js'

const OPTIONS = { bedrock: { aws_region: 'eu-west-1' } }
const CLAUDE = 'anthropic.claude-sonnet-4-5-20250929-v1:0'
const driver = new DriverHarness(bedrock, { model: CLAUDE, options: OPTIONS, stream: false })

describe('Bedrock, where a request goes', () => {
  it('names the region, the model and the operation', () => {
    const { origin, path, headers } = driver.request({})
    expect(origin).toBe('https://bedrock-runtime.eu-west-1.amazonaws.com:443')
    expect(path).toBe('/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse')
    expect(headers).toEqual({ 'content-type': 'application/json', accept: 'application/json' })
  })

  it('asks for a stream', () => {
    const { path, headers } = driver.request({}, { stream: true })
    expect(path).toMatch(/\/converse-stream$/)
    expect(headers.accept).toBe('application/vnd.amazon.eventstream')
  })

  it('keeps an inference profile in one segment', () => {
    const model = 'arn:aws:bedrock:us-east-1:1:inference-profile/us.x'
    expect(driver.request({}, { model }).path).toBe(
      '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse',
    )
  })

  it("goes to China's own domain", () => {
    expect(bedrock.origin({ bedrock: { aws_region: 'cn-north-1' } })).toBe(
      'https://bedrock-runtime.cn-north-1.amazonaws.com.cn:443',
    )
  })

  it.each([{}, { bedrock: {} }, { bedrock: { aws_region: 'evil.example/' } }])(
    'goes nowhere with %j',
    (options) => {
      expect(() => driver.request({}, { options })).toThrow(
        expect.objectContaining({ status: 500, param: 'bedrock.aws_region' }),
      )
    },
  )

  it('needs no region where the config says where to go', () => {
    expect(driver.request({}, { options: { upstream_url: 'http://127.0.0.1:1' } }).origin).toBe(
      'http://127.0.0.1:1',
    )
  })
})

describe('Bedrock, what a request says', () => {
  it('says all that the API can express', () => {
    const schema = { type: 'object', additionalProperties: false }
    const { body, dropped } = driver.request(
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
          { role: 'user', content: 'Hi' },
        ],
        max_tokens: 100,
        temperature: 0.5,
        top_k: 40,
        stop: ['END', 'STOP'],
        tools: [
          {
            type: 'function',
            function: { name: 'f', description: 'does f', parameters: schema, strict: true },
          },
        ],
        tool_choice: 'required',
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
        service_tier: 'flex',
        guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' },
        performanceConfig: { latency: 'optimized' },
        requestMetadata: { team: 'a' },
        additionalModelRequestFields: { anthropic_beta: ['x'] },
        additionalModelResponseFieldPaths: ['/stop_sequence'],
      },
      { options: { ...OPTIONS, anthropic_version: 'bedrock-2023-05-31' } },
    )
    expect(body).toEqual({
      system: [{ text: 'Be brief.' }, { text: 'Be kind.' }],
      messages: [{ role: 'user', content: [{ text: 'Hi' }] }],
      inferenceConfig: { maxTokens: 100, temperature: 0.5, stopSequences: ['END', 'STOP'] },
      toolConfig: {
        tools: [
          { toolSpec: { name: 'f', description: 'does f', strict: true, inputSchema: { json: schema } } },
        ],
        toolChoice: { any: {} },
      },
      outputConfig: {
        textFormat: {
          type: 'json_schema',
          structure: { jsonSchema: { name: 'x', schema: JSON.stringify(schema) } },
        },
      },
      serviceTier: { type: 'flex' },
      guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1' },
      performanceConfig: { latency: 'optimized' },
      requestMetadata: { team: 'a' },
      additionalModelRequestFields: { top_k: 40, anthropic_beta: ['x'] },
      additionalModelResponseFieldPaths: ['/stop_sequence'],
    })
    expect(dropped).toEqual([])
  })

  it('drops nothing of what says how to answer', () => {
    const { dropped } = driver.request({ model: 'x', stream: true, stream_options: { include_usage: true } })
    expect(dropped).toEqual([])
  })

  it('asks for no schema that it was not given', () => {
    const { body, dropped } = driver.request({
      response_format: { type: 'json_schema', json_schema: { name: 'x' } },
    })
    expect(body.outputConfig).toBeUndefined()
    expect(dropped).toEqual(['response_format'])
  })

  it('adds nothing to what was asked', () => {
    expect(driver.request({ n: 1, stop: [], tools: [] }).body).toEqual({
      messages: [{ role: 'user', content: [{ text: 'Hi' }] }],
    })
  })

  it("makes of Kong's canonical request what Kong makes of it, but for a field that Converse has not", () => {
    const { messages } = fixtureObject('kong/unit/requests/llm-v1-chat.json') as never
    const options = { ...OPTIONS, max_tokens: 8192, temperature: 0.8, top_k: 1, top_p: 0.6 }
    const { anthropic_version: _, ...expected } = fixtureObject(
      'kong/unit/expected-requests/bedrock/llm-v1-chat.json',
    )
    expect(driver.request({ messages }, { options, model: 'cohere.command-r-v1:0' }).body).toEqual({
      ...expected,
      additionalModelRequestFields: { k: 1 },
    })
  })

  it('reports what it cannot say', () => {
    const { dropped } = driver.request({
      messages: [{ role: 'user', content: 'Hi', name: 'Ann' }],
      temperature: 1.5,
      n: 2,
      seed: 1,
      response_format: { type: 'json_object' },
      service_tier: 'turbo',
      tools: [{ type: 'function', function: { name: 'f' } }],
      parallel_tool_calls: false,
      user: 'ann',
    })
    expect(dropped.toSorted()).toEqual([
      'messages[0].name',
      'n',
      'parallel_tool_calls',
      'response_format',
      'seed',
      'service_tier',
      'temperature',
      'user',
    ])
  })

  it.each([
    [CLAUDE, { top_k: 5 }],
    ['amazon.nova-pro-v1:0', { inferenceConfig: { topK: 5 } }],
    ['cohere.command-r-plus-v1:0', { k: 5 }],
    ['mistral.mistral-large-2407-v1:0', { top_k: 5 }],
    ['meta.llama3-1-70b-instruct-v1:0', undefined],
  ])('says top_k where %s looks for it', (model, fields) => {
    const { body, dropped } = driver.request({ top_k: 5 }, { model })
    expect(body.additionalModelRequestFields).toEqual(fields)
    expect(dropped).toEqual(fields ? [] : ['top_k'])
  })

  it('tells a model without system prompts as the user', () => {
    const messages: ChatMessage[] = [
      { role: 'system', content: 's' },
      { role: 'user', content: 'u' },
    ]
    for (const model of ['amazon.titan-text-express-v1', 'mistral.mixtral-8x7b-instruct-v0:1']) {
      expect(driver.request({ messages }, { model }).body).toEqual({
        messages: [{ role: 'user', content: [{ text: 's' }, { text: 'u' }] }],
      })
    }
  })

  describe('asks to reason', () => {
    it('Claude, by a budget with room for the answer, without what it then refuses', () => {
      const { body, dropped } = driver.request({
        reasoning_effort: 'high',
        max_tokens: 100,
        temperature: 0.5,
        top_k: 3,
      })
      expect(body).toMatchObject({
        inferenceConfig: { maxTokens: 16484 },
        additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 16384 } },
      })
      expect(body.inferenceConfig).not.toHaveProperty('temperature')
      expect(dropped).toEqual(['temperature', 'top_k'])
    })

    it("Claude, beside the answer's default", () => {
      expect(driver.request({ reasoning_effort: 'low' }).body).toMatchObject({
        inferenceConfig: { maxTokens: 5120 },
      })
    })

    it.each([
      ['openai.gpt-oss-120b-1:0', { reasoning_effort: 'medium' }],
      ['us.amazon.nova-2-lite-v1:0', { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' } }],
      ['deepseek.r1-v1:0', undefined],
    ])('%s', (model, fields) => {
      const { body, dropped } = driver.request({ reasoning_effort: 'medium' }, { model })
      expect(body.additionalModelRequestFields).toEqual(fields)
      expect(dropped).toEqual(fields ? [] : ['reasoning_effort'])
    })

    it.each<[string, ChatMessage[], 'auto' | 'required']>([
      ['a call is forced', [{ role: 'user', content: 'Hi' }], 'required'],
      [
        'results answer calls whose thinking is lost',
        [
          { role: 'user', content: 'Hi' },
          {
            role: 'assistant',
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'c', content: 'x' },
        ],
        'auto',
      ],
    ])('not Claude where %s, which it refuses', (_, messages, tool_choice) => {
      const tools = [{ type: 'function' as const, function: { name: 'f' } }]
      const { body, dropped } = driver.request({ messages, tools, tool_choice, reasoning_effort: 'low' })
      expect(body.additionalModelRequestFields).toBeUndefined()
      expect(dropped).toEqual(['reasoning_effort'])
    })
  })
})
