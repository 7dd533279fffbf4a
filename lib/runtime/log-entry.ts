import { emptyRecord } from '../pdk/headers.js'
import { KnownNames } from '../pdk/known-names.js'
import type { LiveExchange } from './exchange.js'
import { isOwnKey, ownMembers } from './own-entry.js'
import { redactedEntry } from './redact.js'

/**
 * The log entry of an exchange (`kong.log.serialize`) as JSON: Kong's own where a Kong is in front, with what plugins added. Text from the
 * beginning: an object of all of it would be made for each request only to be written and thrown away.
 */
export function logEntry(x: LiveExchange): string {
  const { kongEntry, logValues } = x
  const known = kongEntry ? kongsMembers(x, kongEntry) : ownMembers(x)
  if (logValues.size === 0) return `{${known}}`
  const added = emptyRecord<unknown>()
  for (const [path, { value, mode }] of logValues) {
    const keys = paths.get(path)
    const isKnown = isOwnKey(keys[0]!) || (kongEntry && Object.hasOwn(kongEntry, keys[0]!))
    if (isKnown) return changed(`{${known}}`, logValues)
    put(added, keys, value, mode)
  }
  const members = JSON.stringify(added).slice(1, -1)
  return members === '' ? `{${known}}` : `{${known},${members}}`
}

/** Where plugins change what is there already: through an object of the whole. */
function changed(text: string, values: LiveExchange['logValues']): string {
  const entry = JSON.parse(text) as Record<string, unknown>
  for (const [path, { value, mode }] of values) put(entry, paths.get(path), value, mode)
  return JSON.stringify(entry)
}

function kongsMembers({ secrets, aborted }: LiveExchange, kongEntry: Record<string, unknown>): string {
  // Kong redacts less than we do.
  const entry = redactedEntry(kongEntry, secrets)
  if (aborted !== undefined) entry.aborted = aborted
  return JSON.stringify(entry).slice(1, -1)
}

/** The keys of paths: plugins set the same ones for each request. */
const paths = new KnownNames(keysOf, 200)

/** Dots lead into tables, `\\.` is a dot. */
function keysOf(path: string): readonly string[] {
  if (!path.includes('\\')) return path.split('.')
  return path.split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.'))
}

/** `set` always writes, `add` only where nothing is, `replace` only where something is. */
function put(
  entry: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
  mode: 'set' | 'add' | 'replace',
): void {
  const end = path.length - 1
  let at = entry
  for (let i = 0; i < end; i++) {
    const key = path[i]!
    const next = Object.hasOwn(at, key) ? at[key] : undefined
    if (typeof next === 'object' && next !== null) at = next as Record<string, unknown>
    else at = at[key] = emptyRecord<unknown>()
  }
  const last = path[end]!
  const present = Object.hasOwn(at, last) && at[last] !== undefined
  if (mode === 'set' || (mode === 'add') !== present) at[last] = value
}
