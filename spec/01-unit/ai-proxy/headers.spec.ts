import { describe, expect, it } from 'vitest'
import { headersToProvider, headerText } from '../../../plugins/ai-proxy/headers.js'

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

describe('text in a header', () => {
  it('is visible ASCII', () => {
    expect(headerText('a b\r\nc\0é👋')).toBe('a b??c????')
  })

  it('has 512 bytes at most', () => {
    expect(headerText('x'.repeat(600))).toHaveLength(512)
  })
})
