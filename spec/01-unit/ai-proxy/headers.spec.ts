import { describe, expect, it } from 'vitest'
import { type PreparedHeaders } from '../../../lib/pdk/header-values.js'
import { emptyHeaders } from '../../../lib/pdk/headers.js'
import { AnswerHeaders, headersToProvider, headerText } from '../../../plugins/ai-proxy/headers.js'
import type { Prepared } from '../../../plugins/ai-proxy/prepare.js'
import type { AiProxyConfig } from '../../../plugins/ai-proxy/schema.js'

describe('headers to a provider', () => {
  it('are those of a list, and identity', () => {
    const client = { 'user-agent': 'a', 'openai-beta': ['x', 'y'], authorization: 'b', 'x-any': 'c' }
    expect({ ...headersToProvider(client, false) }).toEqual({
      'user-agent': ['a'],
      'openai-beta': ['x', 'y'],
      'accept-encoding': 'identity',
    })
  })

  it('describe the body only where it is the client’s own', () => {
    const client = {
      'content-type': 'audio/wav',
      'content-encoding': 'gzip',
      accept: '*/*',
      'content-length': '9',
    }
    expect({ ...headersToProvider(client, false) }).toEqual({ 'accept-encoding': 'identity' })
    expect({ ...headersToProvider(client, true) }).toEqual({
      'content-type': ['audio/wav'],
      'content-encoding': ['gzip'],
      accept: ['*/*'],
      'accept-encoding': 'identity',
    })
  })

  it('leave out what cannot be sent as it is', () => {
    const client = { 'user-agent': 'Jürgen', 'accept-language': ['de', '你'], traceparent: 'a\nb' }
    expect({ ...headersToProvider(client, true) }).toEqual({
      'accept-language': ['de'],
      'accept-encoding': 'identity',
    })
  })
})

describe('headers of an answer', () => {
  const config = { model_name_header: true } as AiProxyConfig

  function prepared({
    model = 'gpt-4o',
    stream = false,
    own = false,
    dropped = [] as string[],
    mocked = false,
  }) {
    const call = { model, stream, format: own ? undefined : {} }
    return {
      call,
      mocked,
      model: { provider: 'openai' },
      provider: { request: { dropped } },
    } as unknown as Prepared
  }
  function headersOf(made: PreparedHeaders) {
    const headers = emptyHeaders()
    made.setIn(headers)
    return { ...headers }
  }

  const json = { 'content-type': 'application/json; charset=utf-8' }
  const events = {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  }
  const named = { 'x-kong-llm-model': 'openai/gpt-4o' }

  it('say what it is and who made it', () => {
    const headers = new AnswerHeaders()
    const of = (of: Parameters<typeof prepared>[0]) => headersOf(headers.of(config, prepared(of), undefined))
    expect(of({})).toEqual({ ...json, ...named })
    expect(of({ stream: true })).toEqual({ ...events, ...named })
    expect(of({ own: true })).toEqual(named)
    expect(of({ model: 'o3' })).toEqual({ ...json, 'x-kong-llm-model': 'openai/o3' })
    expect(of({})).toEqual({ ...json, ...named })
  })

  it('are the same ones where nothing is special', () => {
    const headers = new AnswerHeaders()
    const usual = headers.of(config, prepared({}), undefined)
    expect(headers.of(config, prepared({}), undefined)).toBe(usual)
    expect(headersOf(headers.of(config, prepared({ dropped: ['seed'] }), undefined))).toEqual({
      ...json,
      ...named,
      'x-kong-llm-dropped': 'seed',
    })
    expect(headersOf(headers.of(config, prepared({ mocked: true }), { 'X-Kong-LLM-Tried': 'a' }))).toEqual({
      ...json,
      ...named,
      'x-kong-ai-mock': '1',
      'x-kong-llm-tried': 'a',
    })
    expect(headers.of(config, prepared({}), undefined)).toBe(usual)
  })
})

describe('text in a header', () => {
  it('is visible ASCII', () => {
    expect(headerText('a b\r\nc\0é👋')).toBe('a b??c????')
  })

  it('has 512 bytes at most', () => {
    expect(headerText('x'.repeat(600))).toHaveLength(512)
  })
})
