import { describe, expect, it } from 'vitest'
import type { AiProxyModel } from '../../../plugins/ai-proxy/schema.js'
import { cost, statistics, type Observed } from '../../../plugins/ai-proxy/statistics.js'

const model: AiProxyModel = { provider: 'openai', name: 'm' }
const facts = {
  model: 'm-2024',
  usage: {
    prompt_tokens: 25,
    completion_tokens: 12,
    total_tokens: 40,
    prompt_tokens_details: { cached_tokens: 5 },
  },
  finishReasons: [],
  frames: 1,
  unknownFrames: 0,
}
const of = (observed: Partial<Observed>) =>
  statistics({
    model,
    requestModel: 'm',
    pluginId: 'p',
    stream: false,
    facts,
    cost: 0.5,
    latency: 24.9,
    timeToFirstToken: 6.6,
    ...observed,
  })

describe('statistics of an answer', () => {
  it('have Kong’s names and units, and the provider’s own counts', () => {
    expect(of({})).toEqual({
      meta: {
        plugin_id: 'p',
        provider_name: 'openai',
        request_model: 'm',
        response_model: 'm-2024',
        request_mode: 'oneshot',
        llm_latency: 24,
      },
      usage: { ...facts.usage, time_to_first_token: 6, time_per_token: 24.9 / 12, cost: 0.5 },
    })
  })

  it('have a cost where both prices are known', () => {
    expect(cost(facts.usage, { input_cost: 10, output_cost: 10 })).toBe(0.00037)
    expect(cost(facts.usage, { output_cost: 10 })).toBe(0)
  })

  it('say what there is to say without an answer', () => {
    expect(of({ facts: undefined, timeToFirstToken: undefined, requestModel: '', stream: true })).toEqual({
      meta: expect.objectContaining({ request_model: 'UNSPECIFIED', request_mode: 'stream' }) as object,
      usage: { time_per_token: 0, cost: 0.5 },
    })
  })

  it('name the deployment of Azure', () => {
    const options = { azure_instance: 'i', azure_deployment_id: 'd', azure_api_version: '2024-10-21' }
    expect(of({ model: { provider: 'azure', options } }).meta).toMatchObject({
      azure_instance_id: 'i',
      azure_deployment_id: 'd',
      azure_api_version: '2024-10-21',
    })
  })
})
