import { describe, expect, it } from 'vitest'
import { resolveReferences } from '../../../lib/gateway/references.js'
import { isReference, resolveReference } from '../../../lib/runtime/vault.js'

const ENV = {
  SOME_KEY: 'secret',
  APP_SOME_KEY: 'prefixed',
  'A/B': 'nested',
  EMPTY: '',
  JSON_KEY: '{"user":"me","port":1,"__proto__":"own"}',
}

describe('isReference', () => {
  it.each<[unknown, boolean]>([
    ['{vault://env/key}', true],
    ['{vault://}', true],
    ['Bearer {vault://env/key}', false],
    ['{vault://env/key', false],
    ['{vault:/env/key}', false],
    [undefined, false],
    [1, false],
  ])('%j: %s', (value, expected) => {
    expect(isReference(value)).toBe(expected)
  })
})

describe('resolveReference', () => {
  it.each([
    ['{vault://env/some-key}', 'secret'],
    ['{vault://env/SOME_KEY}', 'secret'],
    ['{vault://env/some-key?prefix=APP_}', 'prefixed'],
    ['{vault://env/json-key/user}', 'me'],
    ['{vault://env/json-key/__proto__}', 'own'],
    ['{vault://env/a/b/}', 'nested'],
    ['{vault://env/empty}', ''],
  ])('%s is %j', (reference, value) => {
    expect(resolveReference(reference, ENV)).toEqual({ value })
  })

  it.each([
    ['{vault://env/no-such-key}', 'the environment variable NO_SUCH_KEY is not set'],
    ['{vault://env/some-key/user}', 'the environment variable SOME_KEY holds no JSON object'],
    ['{vault://env/json-key/port}', "the JSON object in JSON_KEY has no text in 'port'"],
    ['{vault://env/json-key/toString}', "the JSON object in JSON_KEY has no text in 'toString'"],
    ['{vault://hcv/some-key}', "{vault://hcv/some-key}: there is no vault 'hcv' (supported: env)"],
    [
      '{vault://env/}',
      '{vault://env/} is no valid reference: expected {vault://env/<variable>[/<property>]}',
    ],
    ['some-key', 'some-key is no valid reference: expected {vault://env/<variable>[/<property>]}'],
  ])('%s has no value', (reference, error) => {
    const fatal = /no valid reference|no vault/.test(error)
    expect(resolveReference(reference, ENV)).toEqual({ error, ...(fatal && { fatal }) })
  })
})

describe('resolveReferences', () => {
  const config = {
    auth: { header_name: 'Authorization', header_value: '{vault://env/some-key}' },
    targets: [{ key: '{vault://env/json-key/user}' }, { key: 'plain' }, { key: '{vault://env/nothing}' }],
    list: ['{vault://env/some-key}'],
    note: '{vault://env/some-key}',
  }

  it('replaces those that may be there, at any depth, and no others', () => {
    const resolved = resolveReferences(
      config,
      ['auth.header_value', 'targets.*.key', 'list.*', 'no.such.field'],
      ENV,
    )
    expect(resolved.config).toEqual({
      auth: { header_name: 'Authorization', header_value: 'secret' },
      targets: [{ key: 'me' }, { key: 'plain' }, { key: '' }],
      list: ['secret'],
      note: '{vault://env/some-key}',
    })
  })

  it('tells which fields came from which reference', () => {
    const { references } = resolveReferences(config, ['auth.header_value', 'targets.*.key'], ENV)
    expect(references).toEqual([
      { path: 'auth.header_value', reference: '{vault://env/some-key}', empty: false },
      { path: 'targets[0].key', reference: '{vault://env/json-key/user}', empty: false },
      { path: 'targets[2].key', reference: '{vault://env/nothing}', empty: true },
    ])
  })

  it('tells a missing value from a reference that no environment could help', () => {
    const given = { a: '{vault://env/empty}', b: '{vault://env/nothing}', c: '{vault://aws/key}' }
    const { problems } = resolveReferences(given, ['a', 'b', 'c'], ENV)
    expect(problems).toEqual([
      { path: ['a'], message: '{vault://env/empty} is empty', fatal: false },
      { path: ['b'], message: 'the environment variable NOTHING is not set', fatal: false },
      { path: ['c'], message: "{vault://aws/key}: there is no vault 'aws' (supported: env)", fatal: true },
    ])
  })

  it('leaves the given config alone', () => {
    const before = structuredClone(config)
    resolveReferences(config, ['auth.header_value'], ENV)
    expect(config).toEqual(before)
  })
})
