import { unescape } from 'node:querystring'
import type { MultiMap } from './header-values.js'
import { luaType } from './lua.js'
import { PdkError } from './method.js'

/** A value of a query or form argument; true if it stands there without an equals sign. */
type Value = string | true
type Arguments = Record<string, Value | Value[]>

/** What `setQuery` takes; false leaves an argument out. */
export type ArgumentValues = Record<
  string,
  string | number | boolean | readonly (string | number | boolean)[]
>

/** Query string or form body to arguments, in the shape of Lua's `ngx.decode_args`; at most `max` of them. */
export function decodeArguments(text: string, max: number): Arguments {
  const all: Arguments = Object.create(null)
  if (text === '') return all
  for (const part of text.split('&', max)) {
    const equals = part.indexOf('=')
    const name = decode(equals < 0 ? part : part.slice(0, equals))
    if (name === '') continue
    const value = equals < 0 ? true : decode(part.slice(equals + 1))
    const present = all[name]
    if (present === undefined) all[name] = value
    else if (Array.isArray(present)) present.push(value)
    else all[name] = [present, value]
  }
  return all
}

function decode(text: string): string {
  return unescape(text.replaceAll('+', ' '))
}

/** An argument without a value becomes an empty list. */
export function multiMap(args: Arguments): MultiMap {
  const all: MultiMap = Object.create(null)
  for (const [name, value] of Object.entries(args)) {
    all[name] = (Array.isArray(value) ? value : [value]).filter((v) => v !== true)
  }
  return all
}

/** Arguments to a query string, sorted by name, as Kong does it. */
export function encodeArguments(args: object): string {
  return Object.entries(args)
    .map(([name, value]) => encodeArgument(name, value))
    .filter((part) => part !== '')
    .sort()
    .join('&')
}

function encodeArgument(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    return value
      .map((item) => encodeArgument(name, item))
      .filter((part) => part !== '')
      .join('&')
  }
  if (value === true) return encodeURIComponent(name)
  if (value === false) return ''
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new PdkError(`attempt to use ${luaType(value)} as query arg value`)
  }
  return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`
}
