import { createHash } from 'node:crypto'
import type { Plugin } from '../pdk/plugin.js'
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
  /** As Kong sent it, its own keys included. */
  readonly sent: Record<string, unknown>
  /** Unix seconds, with a fraction. */
  readonly startTime: number
}

/** Unix seconds; 0 as long as it did not happen. */
export interface StartsAndCloses {
  lastStart: number
  lastClose: number
}

export class Instances {
  readonly #instances = new Map<unknown, Instance>()
  readonly #times = new Map<string, StartsAndCloses>()
  readonly #built = new BuiltPlugins()
  #nextId = firstId()

  constructor(private readonly hosted: ReadonlyMap<unknown, HostedPlugin>) {}

  /** `config` is JSON text. Throws `RpcError` with what is wrong with it. */
  start(pluginName: unknown, config: unknown): Instance {
    const hosted = this.hosted.get(pluginName)
    if (hosted === undefined) throw new RpcError(`plugin "${String(pluginName)}" is not served here`)
    const { name } = hosted.schema
    const sent = parseConfig(name, config)
    const plugin = this.#built.get(hosted, ownConfig(sent))
    const instance = { id: this.#nextId++, name, hosted, plugin, sent, startTime: now() }
    this.#instances.set(instance.id, instance)
    this.times(name).lastStart = instance.startTime
    return instance
  }

  /** Throws the error by which Kong starts an unknown instance anew. */
  get(id: unknown): Instance {
    const instance = this.#instances.get(id)
    if (instance === undefined) throw new RpcError(`no plugin instance #${String(id)}`)
    return instance
  }

  /** Requests that run go on with it. */
  close(id: unknown): Instance {
    const instance = this.get(id)
    this.#instances.delete(instance.id)
    this.times(instance.name).lastClose = now()
    return instance
  }

  of(name: string): Instance[] {
    return [...this.#instances.values()].filter((instance) => instance.name === name)
  }

  times(name: string): StartsAndCloses {
    let times = this.#times.get(name)
    if (times === undefined) this.#times.set(name, (times = { lastStart: 0, lastClose: 0 }))
    return times
  }
}

/**
 * The plugin objects in use, one for each distinct configuration. Kong replaces all instances at every change of any configuration
 * and swaps them back and forth while old requests end, so an object lives on as long as anybody holds it: an instance, an
 * event, an exchange.
 */
class BuiltPlugins {
  readonly #built = new Map<string, WeakRef<Plugin>>()
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#built.get(key)?.deref() === undefined) this.#built.delete(key)
  })

  get(hosted: HostedPlugin, config: Record<string, unknown>): Plugin {
    const key = `${hosted.schema.name} ${createHash('sha256').update(canonical(config)).digest('base64')}`
    const present = this.#built.get(key)?.deref()
    if (present !== undefined) return present
    const plugin = build(hosted, config)
    this.#built.set(key, new WeakRef(plugin))
    this.#gone.register(plugin, key)
    return plugin
  }
}

function build(hosted: HostedPlugin, config: Record<string, unknown>): Plugin {
  const checked = hosted.schema.check(config, { resolved: true })
  if (checked.faults.length > 0) {
    throw new RpcError(
      `config of plugin "${hosted.schema.name}" is invalid: ${checked.faults.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
    )
  }
  try {
    return new hosted.module.Plugin(checked.config as never)
  } catch (error) {
    throw new RpcError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function parseConfig(name: string, text: unknown): Record<string, unknown> {
  try {
    const config: unknown = JSON.parse(String(text))
    if (isRecord(config)) return config
  } catch {
    // Said below.
  }
  throw new RpcError(`config of plugin "${name}" is no JSON object`)
}

/** Where the plugin is bound and what it is called: Kong writes them among the config's fields (kong/runloop/plugins_iterator.lua). */
const KONG_FIELDS = new Set(['service_id', 'route_id', 'consumer_id', 'plugin_instance_name'])

/** The config as the operator wrote it, without what Kong added. */
function ownConfig(sent: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(sent).filter(([key]) => !key.startsWith('__') && !KONG_FIELDS.has(key))
  return withoutReferences(Object.fromEntries(kept))
}

/** `$refs` holds the vault references of a record whose values are there resolved. */
function withoutReferences(record: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(record).filter(([key]) => key !== '$refs')
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutNestedReferences(value)]))
}

function withoutNestedReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutNestedReferences(item))
  return isRecord(value) ? withoutReferences(value) : value
}

/** JSON with sorted keys: a Lua table gives its keys in any order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isRecord(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function now(): number {
  return Date.now() / 1000
}
