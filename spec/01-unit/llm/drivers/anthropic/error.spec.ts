import { describe, expect, it } from 'vitest'
import { anthropic } from '../../../../../lib/llm/drivers/anthropic/index.js'
import { fixture, fixtureJson, frameOf, streamed } from '../../../../support/anthropic.js'

const STATUSES: [string, number][] = [
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]

describe('an answer of an error status', () => {
  it.each(STATUSES)('%s keeps its status, message and type', (type, status) => {
    const body = { type: 'error', error: { type, message: 'Sorry.' }, request_id: 'req_1' }
    expect(anthropic.error(status, body)).toMatchObject({ status, message: 'Sorry.', code: type })
  })

  it("is read from Kong's fixtures too", () => {
    const body = fixtureJson('kong/anthropic/llm-v1-chat/responses/unauthorized.json')
    expect(anthropic.error(401, body).toBody()).toEqual({
      error: {
        message: 'Invalid API Key',
        type: 'authentication_error',
        param: null,
        code: 'authentication_error',
      },
    })
  })

  it.each([
    fixture('kong/anthropic/llm-v1-chat/responses/internal_server_error.html'),
    undefined,
    null,
    [],
    { error: 'no' },
    { error: { message: 7, type: null } },
    { error: { message: '' } },
  ])('that is no error object is named by its status: %#', (body) => {
    expect(anthropic.error(500, body).toBody()).toEqual({
      error: { message: 'anthropic answered with status 500', type: 'server_error', param: null, code: null },
    })
  })
})

describe('an error inside a stream', () => {
  it.each(STATUSES)('%s has the status that it has outside', (type, status) => {
    const sink = streamed([frameOf({ type: 'error', error: { type, message: 'Sorry.' } })])
    expect(sink.calls).toEqual([
      ['error', expect.objectContaining({ status, message: 'Sorry.', code: type })],
    ])
  })

  it.each([{}, { error: null }, { error: { type: 'new_error' } }, { error: { type: 'constructor' } }])(
    'that says little is a 500: %j',
    (error) => {
      expect(streamed([frameOf({ type: 'error', ...error })]).of('error')).toMatchObject([[{ status: 500 }]])
    },
  )
})
