import { describe, expect, it } from 'vitest'
import type { LiveExchange } from '../../../../lib/runtime/exchange.js'
import { ModelNames } from '../../../../lib/runtime/telemetry/model-labels.js'

function called(model: string, status: number | undefined = 200, provider = 'openai'): LiveExchange {
  const serviceResponse = status === undefined ? undefined : { status, headers: {} }
  return { modelCall: { provider, model }, serviceResponse } as unknown as LiveExchange
}

describe('label values of models', () => {
  it('are names that a provider has answered for', () => {
    const names = new ModelNames()
    expect(names.labels(called('gpt-x', 404))!.model).toEqual({ ai_provider: 'openai', ai_model: 'other' })
    expect(names.labels(called('gpt-x', 200))!.model).toEqual({ ai_provider: 'openai', ai_model: 'gpt-x' })
    expect(names.labels(called('gpt-x', 503))!.model).toEqual({ ai_provider: 'openai', ai_model: 'gpt-x' })
  })

  it('are known to one provider at a time', () => {
    const names = new ModelNames()
    names.labels(called('llama-3', 200, 'groq'))
    expect(names.labels(called('llama-3', 404, 'together'))!.model).toEqual({
      ai_provider: 'together',
      ai_model: 'other',
    })
  })

  it('are at most fifty', () => {
    const names = new ModelNames()
    const values = Array.from({ length: 100 }, (_, i) => names.labels(called(`m${i}`))!.model.ai_model)
    expect(new Set(values).size).toBe(51)
    expect(values[99]).toBe('other')
  })

  it('are short', () => {
    expect(new ModelNames().labels(called('x'.repeat(101)))).toMatchObject({ model: { ai_model: 'other' } })
  })

  it('are not there for what is no model call', () => {
    expect(new ModelNames().labels({} as LiveExchange)).toBeUndefined()
  })
})
