import { describe, expect, it } from 'vitest'
import { AnswerPayload, requestPayload } from '../../../plugins/ai-proxy/payload.js'
import { translateCall, readCall } from '../../../plugins/ai-proxy/request.js'
import type { AiProxyConfig } from '../../../plugins/ai-proxy/schema.js'
import { parseObject } from '../../support/json.js'
import { chunk, sse } from '../../support/streams.js'

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }

describe("an answer's payload", () => {
  it('is the body of a whole one', () => {
    const payload = new AnswerPayload('llm/v1/chat', false, 'm')
    payload.push(Buffer.from('{"a":'))
    payload.push(Buffer.from('1}'))
    expect(payload.text(usage)).toBe('{"a":1}')
  })

  it('is what a stream adds up to', () => {
    const payload = new AnswerPayload('llm/v1/chat', true, 'm')
    for (const byte of sse([chunk({ content: 'Hé' }), chunk({ content: ' 你' }), chunk({}, 'stop')])) {
      payload.push(Buffer.from([byte]))
    }
    expect(parseObject(payload.text(usage)!)).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'Hé 你' }, finish_reason: 'stop' }],
      usage,
    })
  })

  it('is what came of a stream that failed', () => {
    const payload = new AnswerPayload('llm/v1/chat', true, 'm')
    payload.push(sse([chunk({ content: 'Hé' }), { error: { message: 'no' } }], false))
    expect(parseObject(payload.text(undefined)!)).toMatchObject({
      choices: [{ message: { content: 'Hé' }, finish_reason: null }],
    })
  })

  it('is none where nothing came, or too much', () => {
    const payload = new AnswerPayload('preserve', true, '')
    expect(payload.text(usage)).toBeUndefined()
    const piece = Buffer.alloc(1024 * 1024, 'x')
    for (let i = 0; i < 8; i++) payload.push(piece)
    expect(payload.text(usage)).toHaveLength(8 * 1024 * 1024)
    payload.push(piece)
    payload.push(piece)
    expect(payload.text(usage)).toBeUndefined()
  })
})

describe("a request's payload", () => {
  const base = {
    model: { provider: 'openai', name: 'm' },
    llm_format: 'openai',
    response_streaming: 'allow',
    route_type: 'llm/v1/chat',
  } as AiProxyConfig

  function payloadOf(config: AiProxyConfig, fields: Record<string, string>, isJson: boolean) {
    const call = readCall(config, config.model, { fields, isJson }, { path: '/', captures: {} })
    return requestPayload(call, translateCall(config, config.model, call), config.auth)
  }

  it('is the body as it is sent, without the credential in it', () => {
    const auth = { param_name: 'key', param_value: 'secret', param_location: 'body' } as AiProxyConfig['auth']
    const config = { ...base, route_type: 'llm/v1/completions', auth } as AiProxyConfig
    expect(payloadOf(config, { prompt: 'hi' }, true)).toBe('{"prompt":"hi","model":"m","key":"REDACTED"}')
  })

  it('is none where it is more than is kept', () => {
    const config = { ...base, route_type: 'llm/v1/completions' } as AiProxyConfig
    expect(payloadOf(config, { prompt: 'x'.repeat(9 * 1024 * 1024) }, true)).toBeUndefined()
  })

  it('is none where the body is no JSON and passes as it is', () => {
    expect(payloadOf({ ...base, route_type: 'preserve' }, { prompt: 'hi' }, false)).toBeUndefined()
  })
})
