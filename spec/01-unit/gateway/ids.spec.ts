import { expect, it } from 'vitest'
import { entityId, uuid5 } from '../../../lib/gateway/ids.js'

it('makes a version 5 UUID (RFC 9562, appendix A.4)', () => {
  expect(uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
    '2ed6657d-e927-568b-95e1-2665a8aea6a2',
  )
})

it('gives a named entity the id that Kong gives it', () => {
  expect(entityId('services', 'llm')).toBe('c01215fb-acce-5a3f-8bfa-a00f3f3c9618')
  expect(entityId('routes', 'chat')).toBe('e4b88d1c-623f-5a40-b298-b23cfabd46de')
})
