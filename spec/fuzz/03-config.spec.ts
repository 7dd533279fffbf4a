import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadDeclarative } from '../../lib/gateway/declarative.js'
import { configSchema } from '../../lib/schema/schema.js'
import * as aiProxy from '../../plugins/ai-proxy/index.js'
import { check } from './settings.js'

describe('a declarative config', () => {
  const plugins = new Map([['ai-proxy', configSchema(aiProxy, 'ai-proxy')]])
  const load = (text: string) => loadDeclarative(text, { plugins, env: {}, file: 'kong.yml' })

  it('of any text is one, or has faults with places', () => {
    const words = [
      'services',
      'routes',
      'plugins',
      'name',
      'url',
      'paths',
      'config',
      '_format_version',
      '"3.0"',
      'ai-proxy',
      '- ',
      ': ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '<<',
      '~',
      '!!js',
      '|',
      '"',
      "'",
      '#',
      '\t',
      'null',
      '1e400',
      '{vault://env/x}',
    ]
    check(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom(...words)).map((some) => some.join('')),
        ),
        (text) => {
          const result = load(text)
          const faults = 'faults' in result ? result.faults : []
          expect(faults.every(({ line, column }) => line > 0 && column > 0)).toBe(true)
        },
      ),
    )
  })

  it('of any values is one, or has faults that name them', () => {
    const plugin = fc.record(
      { name: fc.oneof(fc.constant('ai-proxy'), fc.jsonValue()), config: fc.jsonValue() },
      { requiredKeys: [] },
    )
    const route = fc.record(
      { name: fc.jsonValue(), paths: fc.jsonValue(), plugins: fc.oneof(fc.jsonValue(), fc.array(plugin)) },
      { requiredKeys: [] },
    )
    const service = fc.record(
      { name: fc.jsonValue(), url: fc.oneof(fc.webUrl(), fc.jsonValue()), routes: fc.array(route) },
      { requiredKeys: [] },
    )
    check(
      fc.property(fc.array(service, { maxLength: 3 }), (services) => {
        const result = load(JSON.stringify({ _format_version: '3.0', services }))
        expect('faults' in result || 'config' in result).toBe(true)
      }),
    )
  })
})
