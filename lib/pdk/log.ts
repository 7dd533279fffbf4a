import type { Exchange } from './exchange.js'
import { expectType } from './lua.js'
import { anyPhase, type Logger, PdkError, read, readMany, type Scope, write } from './method.js'

/** `kong.log`: the process's log, and the request's entry in the log plugins. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.log/ */
export const log = {
  alert: level('error'),
  crit: level('error'),
  err: level('error'),
  warn: level('warn'),
  /** What it takes after the message is of no use here. */
  deprecation: level('warn'),
  notice: level('info'),
  info: level('info'),
  debug: level('debug'),
  /**
   * Sets a value in the request's log entry. Dots in `key` lead into tables, `\.` is a dot. `add` leaves a present value as it is,
   * `replace` an absent one. undefined removes a value.
   */
  setSerializeValue: write(
    anyPhase,
    ({ exchange: { logValues } }, key: string, value: unknown, options?: { mode?: SerializeMode }): void => {
      expectType(key, 'string', 'key')
      const mode = options?.mode ?? 'set'
      if (!MODES.has(mode)) throw new PdkError("mode must be 'set', 'add' or 'replace'")
      const present = logValues.get(key)
      if (present !== undefined && mode === 'add') return
      setLast(logValues, key, value, mode === 'replace' ? (present?.mode ?? mode) : mode)
    },
  ),
  /** Ours: sets several values by their keys, at the price of one. */
  setSerializeValues: write(
    anyPhase,
    ({ exchange: { logValues } }, values: Readonly<Record<string, unknown>>): void => {
      expectType(values, 'table', 'values')
      for (const key of Object.keys(values)) setLast(logValues, key, values[key], 'set')
    },
  ),
  /** Ours: values of headers and query arguments of this name are credentials, which the request's entry does not show. */
  hide: write(anyPhase, ({ exchange }, name: string): void => {
    expectType(name, 'string', 'name')
    exchange.secrets.add(name.toLowerCase())
  }),
  /** The request's log entry: JSON text, as kong-pdk plugins get it from a real Kong. */
  serialize: read(['log'], ({ exchange }): string => exchange.serialize()),
}

type SerializeMode = 'set' | 'add' | 'replace'
const MODES: ReadonlySet<string> = new Set(['set', 'add', 'replace'])

/** A later value overrides what came before it, so it moves to the end. */
function setLast(values: Exchange['logValues'], key: string, value: unknown, mode: SerializeMode): void {
  values.delete(key)
  values.set(key, { value, mode })
}

function level(name: keyof Logger) {
  return readMany(anyPhase, (scope, ...parts: unknown[]): void =>
    logLine(scope, name, parts.map(text).join('')),
  )
}

function text(part: unknown): string {
  if (part instanceof Error) return part.stack ?? part.message
  return typeof part === 'object' && part !== null ? JSON.stringify(part) : String(part)
}

/** One line of the process's log, with the plugin's name before it. */
export function logLine({ exchange, plugin }: Scope, level: keyof Logger, message: string): void {
  plugin.host.logger[level]({ request_id: exchange.id }, `[${plugin.name}] ${message}`)
}
