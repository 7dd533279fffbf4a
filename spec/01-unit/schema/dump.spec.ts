import { describe, expect, it } from 'vitest'
import { dumpOf } from '../../../lib/schema/dump.js'

class Silent {
  log(): void {}
}

describe('the dump that Kong reads', () => {
  it('is that of a module with nothing in it but a class', () => {
    expect(dumpOf({ Plugin: Silent }, 'empty')).toEqual({
      Name: 'empty',
      Version: '0.0.0',
      Priority: 0,
      Phases: ['log'],
      Schema: { name: 'empty', fields: [{ config: { type: 'record', fields: [] } }] },
    })
  })

  it('has the phases that the plugin has, inherited ones too, in the order in which they run', () => {
    class Base {
      log(): void {}
      response(): void {}
      helper(): void {}
    }
    class Plugin extends Base {
      access(): void {}
      rewrite(): void {}
    }
    expect(dumpOf({ Plugin }, 'p').Phases).toEqual(['rewrite', 'access', 'response', 'log'])
  })

  it.each(['headerFilter', 'bodyFilter'])('has no filter: a plugin with %s has access and log', (filter) => {
    class Plugin extends Silent {}
    Object.defineProperty(Plugin.prototype, filter, { value: () => undefined })
    expect(dumpOf({ Plugin }, 'p').Phases).toEqual(['access', 'log'])
  })

  it('puts rules where Kong looks for them', () => {
    const { Schema } = dumpOf(
      {
        Plugin: Silent,
        Schema: [{ a: { type: 'string' } }],
        ConfigChecks: [{ at_least_one_of: ['a'] }],
        EntityFields: [{ protocols: { type: 'set', elements: { type: 'string' } } }],
        EntityChecks: [{ at_least_one_of: ['config.a'] }],
      },
      'p',
    )
    expect(Schema).toEqual({
      name: 'p',
      fields: [
        { protocols: { type: 'set', elements: { type: 'string' } } },
        {
          config: {
            type: 'record',
            fields: [{ a: { type: 'string' } }],
            entity_checks: [{ at_least_one_of: ['a'] }],
          },
        },
      ],
      entity_checks: [{ at_least_one_of: ['config.a'] }],
    })
  })

  it('leaves out functions, and descriptions over which Kong would not start', () => {
    const Schema = [
      { a: { type: 'string', description: 'too short', custom_validator: () => true } },
      { b: { type: 'string', description: 'x'.repeat(501) } },
      { description: { type: 'string', description: 'long enough' } },
    ]
    expect(dumpOf({ Plugin: Silent, Schema }, 'p')).toMatchObject({
      Schema: {
        fields: [
          {
            config: {
              fields: [
                { a: { type: 'string' } },
                { b: { type: 'string' } },
                { description: { type: 'string', description: 'long enough' } },
              ],
            },
          },
        ],
      },
    })
    expect(JSON.stringify(dumpOf({ Plugin: Silent, Schema }, 'p'))).not.toContain('too short')
  })
})
