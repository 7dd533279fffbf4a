import { describe, expect, it } from 'vitest'
import { authorizeStatic, bodyCredential, type StaticAuth } from '../../../lib/credentials/static.js'
import { upstreamRequest } from '../../02-integration/credentials/support.js'

const HEADER: StaticAuth = { header_name: 'Authorization', header_value: 'Bearer own' }
const QUERY: StaticAuth = { param_name: 'key', param_value: 'own', param_location: 'query' }
const BODY: StaticAuth = { param_name: 'key', param_value: 'own', param_location: 'body' }

const client = { headers: { authorization: 'Bearer client' }, rawQuery: 'key=client' }

describe('a header', () => {
  it('is set under its lower-case name, in place of what was there', () => {
    const request = upstreamRequest({ headers: { authorization: 'Bearer before' } })
    authorizeStatic(request, HEADER, client)
    expect(request.headers).toEqual({ authorization: 'Bearer own' })
  })

  it("is the client's own under allow_override, and the configured one where the client sent none", () => {
    const [sent, none] = [upstreamRequest(), upstreamRequest()]
    authorizeStatic(sent, { ...HEADER, allow_override: true }, client)
    authorizeStatic(none, { ...HEADER, allow_override: true }, { headers: {}, rawQuery: '' })
    expect([sent.headers.authorization, none.headers.authorization]).toEqual(['Bearer client', 'Bearer own'])
  })
})

describe('a query parameter', () => {
  it('is set beside the others', () => {
    const request = upstreamRequest({ rawQuery: 'alt=sse&key=before' })
    authorizeStatic(request, QUERY, client)
    expect(request.rawQuery).toBe('alt=sse&key=own')
  })

  it("is the client's own under allow_override", () => {
    const request = upstreamRequest()
    authorizeStatic(request, { ...QUERY, allow_override: true }, client)
    expect(request.rawQuery).toBe('key=client')
  })

  it('for the body stays out of the query', () => {
    const request = upstreamRequest()
    authorizeStatic(request, BODY, client)
    expect(request.rawQuery).toBe('')
  })
})

describe('a field of the body', () => {
  it('is the configured one', () => {
    expect(bodyCredential(BODY, { key: 'client' })).toEqual({ key: 'own' })
  })

  it("is the client's own under allow_override", () => {
    const auth = { ...BODY, allow_override: true }
    expect([bodyCredential(auth, { key: 'client' }), bodyCredential(auth, {})]).toEqual([
      { key: 'client' },
      { key: 'own' },
    ])
  })

  it('is not what every object inherits', () => {
    const auth = { ...BODY, param_name: 'constructor', allow_override: true }
    expect(bodyCredential(auth, {})).toEqual({ constructor: 'own' })
  })

  it('is nothing where the config has none', () => {
    expect([bodyCredential({}, {}), bodyCredential(QUERY, {})]).toEqual([undefined, undefined])
  })
})
