import { describe, expect, it } from 'vitest'
import { redactedEntry } from '../../../lib/runtime/redact.js'

describe('a log entry', () => {
  it('keeps the names of credentials and loses their values', () => {
    const entry = {
      request: {
        uri: '/chat?key=s1&a=1&%61pi_key=s2#f',
        url: 'http://h:1/chat?access_token=s3&X-Amz-Signature=s4',
        querystring: { key: 's1', a: '1', api_key: ['s2'], maxtokens: '5' },
        headers: {
          authorization: 's5',
          cookie: ['s6', 's7'],
          'x-api-key': 's8',
          'x-goog-api-key': 's9',
          'x-amz-security-token': 's10',
          'x-relay-ticket': 's11',
          'proxy-authorization': 's12',
          'user-agent': 'a',
        },
      },
      response: { headers: { 'set-cookie': ['s13'], 'x-ratelimit-remaining-tokens': '7' } },
      upstream_uri: '/v1/x?key=s14&alt=sse',
    }
    const written = JSON.stringify(entry)
    const redacted = redactedEntry(entry)
    expect(JSON.stringify(entry)).toBe(written)
    expect(JSON.stringify(redacted)).not.toMatch(/"s\d|=s\d/)
    expect(redacted).toMatchObject({
      request: {
        uri: '/chat?key=REDACTED&a=1&%61pi_key=REDACTED#f',
        url: 'http://h:1/chat?access_token=REDACTED&X-Amz-Signature=REDACTED',
        querystring: { key: 'REDACTED', a: '1', maxtokens: '5' },
        headers: { authorization: 'REDACTED', 'user-agent': 'a' },
      },
      response: { headers: { 'set-cookie': 'REDACTED', 'x-ratelimit-remaining-tokens': '7' } },
      upstream_uri: '/v1/x?key=REDACTED&alt=sse',
    })
  })

  it.each([[{}], [{ request: null, response: 7 }], [{ request: { uri: '/%zz?%zz=1' } }]])(
    'need not have any of it: %j',
    (entry) => {
      expect(redactedEntry(entry)).toEqual(entry)
    },
  )
})
