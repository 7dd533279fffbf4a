import type { Plugin } from '../pdk/plugin.js'
import { type BuiltPlugin, PluginInstances } from '../runtime/definition.js'
import { ownConfig, parseConfig } from './config.js'
import type { HostedPlugin } from './hosted.js'
import { firstId } from './ids.js'
import { RpcError } from './rpc.js'

/** A plugin with one configuration. Kong starts and closes instances as it likes, also under running requests. */
export interface Instance {
  readonly id: number
  readonly name: string
  readonly hosted: HostedPlugin
  /** Shared by all instances of the same configuration. */
  readonly plugin: Plugin
  /** As the plugin has it: checked, with its defaults, without what Kong adds. */
  readonly config: Record<string, unknown>
  /** As Kong sent it, its own keys included. */
  readonly sent: Record<string, unknown>
  /** Unix seconds, with a fraction. */
  readonly startTime: number
}

/**
 * A worker of Kong's that ends closes none of its instances. One that is asked for after all is started anew by Kong, so it is
 * safe to forget. Seconds.
 */
const IDLE_LIMIT = 24 * 3600

/** Unix seconds; 0 as long as it did not happen. */
export interface StartsAndCloses {
  lastStart: number
  lastClose: number
}

export class Instances {
  readonly #instances = new Map<unknown, { readonly instance: Instance; usedAt: number }>()
  readonly #times = new Map<string, StartsAndCloses>()
  readonly #built = new PluginInstances()
  #nextId = firstId()

  constructor(private readonly hosted: ReadonlyMap<unknown, HostedPlugin>) {}

  /** `configText` is JSON. Throws `RpcError` with what is wrong with it. */
  start(pluginName: unknown, configText: unknown): Instance {
    const hosted = this.hosted.get(pluginName)
    if (hosted === undefined) throw new RpcError(`plugin "${String(pluginName)}" is not served here`)
    const { name } = hosted.schema
    const sent = parseConfig(name, configText)
    const { plugin, config } = this.#build(hosted, ownConfig(sent))
    const instance = { id: this.#nextId++, name, hosted, plugin, config, sent, startTime: now() }
    this.#forgetIdle()
    this.#instances.set(instance.id, { instance, usedAt: now() })
    this.times(name).lastStart = instance.startTime
    return instance
  }

  /** Throws the error by which Kong starts an unknown instance anew. */
  get(id: unknown): Instance {
    return this.#known(id).instance
  }

  /** As `get`, for an event of its. */
  use(id: unknown): Instance {
    const known = this.#known(id)
    known.usedAt = now()
    return known.instance
  }

  /** Requests that run go on with it. */
  close(id: unknown): Instance {
    const instance = this.get(id)
    this.#instances.delete(instance.id)
    this.times(instance.name).lastClose = now()
    return instance
  }

  of(name: string): Instance[] {
    return [...this.#instances.values()]
      .map(({ instance }) => instance)
      .filter((instance) => instance.name === name)
  }

  times(name: string): StartsAndCloses {
    let times = this.#times.get(name)
    if (times === undefined) this.#times.set(name, (times = { lastStart: 0, lastClose: 0 }))
    return times
  }

  #build(hosted: HostedPlugin, given: Record<string, unknown>): BuiltPlugin {
    try {
      return this.#built.get(hosted, given, (config) => checked(hosted, config))
    } catch (error) {
      throw new RpcError(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }

  #known(id: unknown): { readonly instance: Instance; usedAt: number } {
    const known = this.#instances.get(id)
    if (known === undefined) throw new RpcError(`no plugin instance #${String(id)}`)
    return known
  }

  #forgetIdle(): void {
    const since = now() - IDLE_LIMIT
    for (const [id, { usedAt }] of this.#instances) {
      if (usedAt < since) this.#instances.delete(id)
    }
  }
}

function checked({ schema }: HostedPlugin, given: Record<string, unknown>): Record<string, unknown> {
  const { config, faults } = schema.check(given, { resolved: true })
  if (faults.length === 0) return config
  const texts = faults.map(({ path, message }) => `${path}: ${message}`)
  throw new RpcError(`config of plugin "${schema.name}" is invalid: ${texts.join('; ')}`)
}

function now(): number {
  return Date.now() / 1000
}
