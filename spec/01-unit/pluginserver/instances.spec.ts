import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { PluginModule } from '../../../lib/pdk/plugin.js'
import { Instances } from '../../../lib/pluginserver/instances.js'
import { configSchema } from '../../../lib/schema/schema.js'
import { collectGarbage } from '../../support/garbage-collection.js'

class Example {
  static built = 0
  readonly access = (): void => {}
  constructor(readonly config: Record<string, unknown>) {
    if (config.message === 'refuse') throw new Error('message refused')
    Example.built++
  }
}

const module: PluginModule = {
  Plugin: Example,
  Name: 'example',
  Schema: [
    { message: { type: 'string', required: true } },
    { size: { type: 'integer', default: 7 } },
    { auth: { type: 'record', fields: [{ key: { type: 'string', referenceable: true } }] } },
  ],
}

function instances(): Instances {
  return new Instances(new Map([['example', { module, schema: configSchema(module, 'example') }]]))
}

const start = (all: Instances, config: object) => all.start('example', JSON.stringify(config))

describe('Instances', () => {
  it('gives the plugin its config with defaults, without what Kong added to it', () => {
    const sent = {
      message: 'hello',
      auth: { key: 'secret', $refs: { key: '{vault://env/key}' } },
      $refs: {},
      __seq__: 6,
      __plugin_id: 'a',
      __key__: 'b',
      __ws_id: 'c',
      service_id: 'd',
      route_id: 'e',
      consumer_id: 'f',
      plugin_instance_name: 'g',
    }
    const { plugin, config, sent: kept } = start(instances(), sent)
    expect((plugin as Example).config).toEqual({ message: 'hello', size: 7, auth: { key: 'secret' } })
    expect(config).toBe((plugin as Example).config)
    expect(kept).toEqual(sent)
  })

  it('shares one plugin among the instances of one configuration', () => {
    const all = instances()
    const built = Example.built
    const first = start(all, { message: 'hello', auth: { key: 'k' }, __seq__: 1, route_id: 'a' })
    const second = start(all, { __seq__: 2, auth: { key: 'k' }, message: 'hello', route_id: 'b' })
    const other = start(all, { message: 'changed' })
    expect(second.plugin).toBe(first.plugin)
    expect(second.id).not.toBe(first.id)
    expect(other.plugin).not.toBe(first.plugin)
    expect(Example.built - built).toBe(2)
  })

  it('keeps the plugin of a closed instance for those that still use it', async () => {
    const all = instances()
    const { id, plugin } = start(all, { message: 'kept' })
    all.close(id)
    await collectGarbage()
    expect(start(all, { message: 'kept' }).plugin).toBe(plugin)
  })

  it('lets a plugin go that nobody uses', async () => {
    const all = instances()
    const startAndClose = () => {
      const { id, plugin } = start(all, { message: 'gone' })
      all.close(id)
      return new WeakRef(plugin)
    }
    const plugin = startAndClose()
    await collectGarbage()
    expect(plugin.deref()).toBeUndefined()
  })

  it('says which fields of a config are wrong', () => {
    expect(() => start(instances(), { size: 'x' })).toThrow(/^config of plugin "example" is invalid: /)
    expect(() => start(instances(), { size: 'x' })).toThrow(/message: required field missing/)
    expect(() => start(instances(), { size: 'x' })).toThrow(/size: expected an integer/)
  })

  it('passes on why a plugin refuses its config', () => {
    expect(() => start(instances(), { message: 'refuse' })).toThrow('message refused')
  })

  it('refuses a config that is no JSON object, and a plugin that it does not have', () => {
    for (const config of ['{', '[]', 'null', undefined]) {
      expect(() => instances().start('example', config)).toThrow(
        'config of plugin "example" is no JSON object',
      )
    }
    expect(() => instances().start('other', '{}')).toThrow('plugin "other" is not served here')
  })

  it('asks Kong to start an instance anew that it does not know', () => {
    const all = instances()
    const { id } = start(all, { message: 'hello' })
    all.close(id)
    expect(() => all.get(id)).toThrow(`no plugin instance #${id}`)
    expect(() => all.close(id)).toThrow(`no plugin instance #${id}`)
    expect(() => all.get(undefined)).toThrow('no plugin instance')
  })

  it('forgets one that was not used for a day, as of a worker that is no more', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const all = instances()
    const [idle, used] = [start(all, { message: 'idle' }), start(all, { message: 'used' })]
    vi.advanceTimersByTime(23 * 3600_000)
    all.use(used.id)
    vi.advanceTimersByTime(2 * 3600_000)
    const started = start(all, { message: 'new' })
    expect(all.of('example')).toEqual([used, started])
    expect(() => all.use(idle.id)).toThrow(`no plugin instance #${idle.id}`)
  })

  it('counts from a random number of 40 bits, so that no id comes again after a restart', () => {
    const firsts = Array.from({ length: 20 }, () => start(instances(), { message: 'hello' }).id)
    expect(new Set(firsts).size).toBe(20)
    expect(Math.max(...firsts)).toBeGreaterThan(2 ** 32)
    expect(Math.max(...firsts)).toBeLessThanOrEqual(2 ** 40)
  })
})
