import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../lib/llm/errors.js'
import { compileTemplates } from '../../../plugins/ai-proxy/template.js'

const sources = {
  headers: { from_header_1: 'header_value_here_1', 'x-model': ['first', 'second'] },
  uri_captures: { uri_cap_1: 'cap_value_here_1' },
  query_params: { arg_1: 'arg_value_here_1', flag: true },
}

function resolve(model: object): unknown {
  return compileTemplates(model).resolve(sources)
}

function errorOf(model: object): unknown {
  try {
    resolve(model)
  } catch (error) {
    if (error instanceof ChatError) return [error.status, error.param, error.message]
    throw error
  }
  return undefined
}

describe('templates in config.model', () => {
  it('fills in name, options, nested records and parts of longer strings', () => {
    const model = {
      name: '$(headers.from_header_1)',
      provider: 'azure',
      options: {
        max_tokens: 256,
        azure_instance: '$(uri_captures.uri_cap_1)',
        azure_api_version: '$(query_params.arg_1)',
        upstream_url: 'https://$(uri_captures.uri_cap_1).example.com',
        bedrock: { aws_region: '$(uri_captures.uri_cap_1)' },
        list: ['a', '$(query_params.arg_1)'],
      },
    }
    const before = structuredClone(model)
    expect(resolve(model)).toEqual({
      name: 'header_value_here_1',
      provider: 'azure',
      options: {
        max_tokens: 256,
        azure_instance: 'cap_value_here_1',
        azure_api_version: 'arg_value_here_1',
        upstream_url: 'https://cap_value_here_1.example.com',
        bedrock: { aws_region: 'cap_value_here_1' },
        list: ['a', 'arg_value_here_1'],
      },
    })
    expect(model).toEqual(before)
  })

  it('fills in every placeholder of a string', () => {
    expect(
      resolve({ name: '$(headers.from_header_1)/$(query_params.arg_1)$(uri_captures.uri_cap_1)!' }),
    ).toEqual({
      name: 'header_value_here_1/arg_value_here_1cap_value_here_1!',
    })
  })

  it('says which sources it needs', () => {
    expect([...compileTemplates({ name: 'gpt' }).needs]).toEqual([])
    expect([
      ...compileTemplates({ name: '$(headers.a)', options: { b: '$(query_params.a)' } }).needs,
    ]).toEqual(['headers', 'query_params'])
  })

  it('gives a model without placeholders back as it is', () => {
    const model = { name: 'a $ (b) $[c]', options: { temperature: 1, gemini: {}, stop: ['x'] } }
    expect(resolve(model)).toBe(model)
  })

  it('shares what has no placeholder', () => {
    const options = { max_tokens: 1 }
    expect(resolve({ name: '$(headers.from_header_1)', options })).toHaveProperty('options', options)
    expect((resolve({ name: '$(headers.from_header_1)', options }) as { options: unknown }).options).toBe(
      options,
    )
  })

  it('finds headers in any case, and takes the first of several', () => {
    expect(resolve({ name: '$(headers.X-Model)' })).toEqual({ name: 'first' })
  })

  it('keeps what a value says, placeholders and replacement patterns too', () => {
    const { resolve } = compileTemplates({ name: '<$(headers.a)>' })
    const value = "$& $1 $(headers.a) $' \\"
    expect(resolve({ headers: { a: value } })).toEqual({ name: `<${value}>` })
    fc.assert(
      fc.property(fc.string(), (a) => {
        expect(resolve({ headers: { a } })).toEqual({ name: `<${a}>` })
      }),
    )
  })

  describe('refuses with 400 and the path in the config', () => {
    it.each([
      ['$(uri_captures_uri_cap_1)', "cannot parse expression for field '$(uri_captures_uri_cap_1)'"],
      ['a $() b', "cannot parse expression for field 'a $() b'"],
      ['$(headers.a.b)', "cannot parse expression for field '$(headers.a.b)'"],
      ['$(cookies.a)', "source 'cookies' is not supported"],
      ['$(uri_captures.uri_cap_3)', 'uri_captures key uri_cap_3 was not provided'],
      ['$(headers.From_Header_3)', 'headers key From_Header_3 was not provided'],
      ['$(query_params.flag)', 'query_params key flag was not provided'],
      ['$(headers.)', 'headers key  was not provided'],
      ['$(headers.from_header_1) $(headers.none)', 'headers key none was not provided'],
    ])('%s', (text, message) => {
      expect(errorOf({ name: text })).toEqual([400, 'config.model.name', message])
    })

    it('in nested records and lists', () => {
      const text = '$(headers.none)'
      const message = 'headers key none was not provided'
      expect(errorOf({ options: { bedrock: { aws_region: text } } })).toEqual([
        400,
        'config.model.options.bedrock.aws_region',
        message,
      ])
      expect(errorOf({ list: ['a', text] })).toEqual([400, 'config.model.list[1]', message])
    })

    it.each(['constructor', '__proto__', 'toString'])('a name that every object has: %s', (name) => {
      for (const source of ['headers', 'uri_captures', 'query_params']) {
        expect(errorOf({ name: `$(${source}.${name})` })).toEqual([
          400,
          'config.model.name',
          `${source} key ${name} was not provided`,
        ])
      }
    })

    it('a source that was not read', () => {
      expect(() => compileTemplates({ name: '$(headers.a)' }).resolve({})).toThrow(
        'headers key a was not provided',
      )
    })
  })
})
