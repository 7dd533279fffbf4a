import { RpcError } from './rpc.js'

/** Throws `RpcError`. */
export function parseConfig(name: string, text: unknown): Record<string, unknown> {
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
export function ownConfig(sent: Record<string, unknown>): Record<string, unknown> {
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

/** `config` as it may be shown: without the values of the fields that take vault references. */
export function redacted(
  config: Record<string, unknown>,
  referenceable: readonly string[],
): Record<string, unknown> {
  const shown = structuredClone(config)
  for (const path of referenceable) redact(shown, path.split('.'))
  return shown
}

/** `*` stands for every item. */
function redact(node: unknown, [key = '', ...rest]: readonly string[]): void {
  if (typeof node !== 'object' || node === null) return
  const fields = node as Record<string, unknown>
  for (const name of key === '*' ? Object.keys(fields) : [key]) {
    if (rest.length > 0) redact(fields[name], rest)
    else if (typeof fields[name] === 'string') fields[name] = 'REDACTED'
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
