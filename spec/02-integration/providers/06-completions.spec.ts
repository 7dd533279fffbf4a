import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { driverNames } from '../../../lib/llm/drivers/index.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock, type Mock } from '../../../lib/mock/server.js'
import { aiConfig, aiGateway } from '../../support/ai-gateway.js'
import { faultsOfTextCompletion } from '../../support/openai-schema.js'

const NEEDED: Readonly<Record<string, JsonObject>> = {
  azure: { azure_instance: 'i', azure_deployment_id: 'd' },
  bedrock: { bedrock: { aws_region: 'us-east-1' } },
  mistral: { mistral_format: 'openai' },
  llama2: { llama2_format: 'raw' },
}

let mock: Mock

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  mock = await startMock({ pace: 0 })
})
afterAll(async () => {
  await mock.close()
  vi.unstubAllEnvs()
})

describe.each(driverNames)('text completions of %s', (provider) => {
  async function client(): Promise<OpenAI> {
    const model = { provider, name: 'm', options: NEEDED[provider] ?? {} }
    const auth = { header_name: 'X-Key', header_value: 'k', allow_override: false }
    const gateway = await aiGateway(aiConfig(mock.url, { route_type: 'llm/v1/completions', model, auth }))
    return new OpenAI({ baseURL: gateway.url, apiKey: 'x', maxRetries: 0 })
  }

  it('are what the official client expects, whole and streamed', async () => {
    const openai = await client()
    const asked = { model: 'm', prompt: 'Say 你好 👋', max_tokens: 100 }
    const whole = await openai.completions.create(asked)
    // Azure's API passes as it is, with what its filters say.
    const faults = faultsOfTextCompletion(whole).filter((fault) => !/filter_results/.test(fault))
    expect(faults).toEqual([])
    expect(whole.choices[0]?.text).toContain('Say 你好 👋')
    const stream = await openai.completions.create({ ...asked, stream: true })
    let text = ''
    const reasons: unknown[] = []
    for await (const chunk of stream) {
      for (const choice of chunk.choices) {
        text += choice.text
        if (choice.finish_reason !== null) reasons.push(choice.finish_reason)
      }
    }
    expect([text, reasons]).toEqual([whole.choices[0]?.text, ['stop']])
  })
})
