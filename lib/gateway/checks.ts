import { isIPv6 } from 'node:net'
import { isObject, type Json } from '../llm/json.js'
import { normalizePath } from '../runtime/normalize-path.js'
import type { Path } from './faults.js'
import { compileHeader, compilePath, isRegexHeader, isRegexPath, splitHost } from './patterns.js'

/*
 * Checks of single values. The messages are Kong's own where it has one
 * (kong/db/schema/init.lua, kong/db/schema/typedefs.lua).
 */

/** `below` leads from the value that is checked to the faulty part of it. */
export type Report = (message: string, below?: Path) => void
export type Check = (value: Json, report: Report) => void

/** What is wrong with a text; `undefined`: nothing. */
type TextCheck = (text: string) => string | undefined

export const boolean: Check = (value, report) => {
  if (typeof value !== 'boolean') report('expected a boolean')
}

export function integer(least: number, most: number): Check {
  return (value, report) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) report('expected an integer')
    else if (value < least || value > most) {
      report(`value should be between ${least} and ${most}`)
    }
  }
}

export function oneOf(...allowed: (string | number)[]): Check {
  return (value, report) => {
    if (!allowed.some((one) => one === value)) report(`expected one of: ${allowed.join(', ')}`)
  }
}

export function text(...checks: TextCheck[]): Check {
  return (value, report) => {
    if (typeof value !== 'string') return report('expected a string')
    if (value === '') return report('length must be at least 1')
    for (const check of checks) {
      const message = check(value)
      if (message !== undefined) return report(message)
    }
  }
}

export function listOf(item: Check, least = 0): Check {
  return (value, report) => {
    if (!Array.isArray(value)) return report('expected an array')
    if (value.length < least) report(`length must be at least ${least}`)
    value.forEach((one, i) => item(one, (message, below = []) => report(message, [i, ...below])))
  }
}

/** A field of Kong's that we know and do not have. To pass over one would not be what the operator meant. */
export const unsupported: Check = (_, report) => report('is not supported by this gateway')

/** Taken as it is: a comment, or a field that is read elsewhere. */
export const anything: Check = () => undefined

export const uuid: TextCheck = (value) =>
  /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(value) ? undefined : 'expected a valid UUID'

export const name: TextCheck = (value) =>
  /^[\w.\-~\u0080-\u{10ffff}]+$/u.test(value)
    ? undefined
    : `invalid value '${value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`

/** Of a Service: a name or an address, without a port. */
export const serviceHost: TextCheck = (value) => {
  if (/^[\w.-]+$/.test(value)) return undefined
  if (!value.includes(':')) return `invalid value: ${value}`
  return isIPv6(value) ? undefined : 'must not have a port'
}

/** Of a Route: with a port or not, and with at most one `*` for the first or the last label. */
export const routeHost: TextCheck = (value) => {
  if (/\*.*\*/.test(value)) return 'invalid value: invalid wildcard: must have at most one wildcard'
  if (value.includes('*') && !/^\*\.|\.\*$/.test(value)) {
    return 'invalid value: invalid wildcard: must be placed at leftmost or rightmost label'
  }
  const { name, port } = splitHost(value)
  if (port !== undefined && port > 65535) return 'invalid port number'
  const isName = /^[\w.-]+$/.test(name.replace('*', 'x'))
  return isName || isIPv6(name) ? undefined : `invalid value: ${value}`
}

const badPercent = (path: string): string | undefined => {
  const bad = /%(?![0-9a-f]{2}).{0,2}/i.exec(path)
  return bad === null ? undefined : `invalid url-encoded value: '${bad[0]}'`
}

export const servicePath: TextCheck = (value) => {
  if (!value.startsWith('/')) return 'should start with: /'
  if (value.includes('//')) return 'invalid value: must not have empty segments'
  if (!/^[\w.\-~/%:@!$&'()*+,;=]*$/.test(value)) {
    return `invalid path: '${value}' (characters outside of the reserved list of RFC 3986 found)`
  }
  return badPercent(value)
}

export const routePath: TextCheck = (value) => {
  if (!/^~?\//.test(value)) {
    return 'invalid value: should start with: / (fixed path) or ~/ (regex path)'
  }
  if (value.includes('//')) return 'invalid value: must not have empty segments'
  const bad = badPercent(value)
  if (bad !== undefined) return bad
  if (isRegexPath(value)) return regexFault(value.slice(1), () => compilePath(value))
  const normal = normalizePath(value)
  if (normal === value) return undefined
  return normal === undefined
    ? `invalid path: '${value}' (no request can have it)`
    : `non-normalized path, consider use '${normal}' instead`
}

function regexFault(pattern: string, compile: () => RegExp): string | undefined {
  try {
    compile()
    return undefined
  } catch (error) {
    return `invalid regex: '${pattern}' (${error instanceof Error ? error.message : ''})`
  }
}

export const method: TextCheck = (value) => (/^[A-Z]+$/.test(value) ? undefined : `invalid value: ${value}`)

const headerValue: TextCheck = (value) =>
  isRegexHeader(value) ? regexFault(value.slice(2), () => compileHeader(value)) : undefined

/** Header names with the values of which one must be there. */
export const headers: Check = (value, report) => {
  if (!isObject(value)) return report('expected a map')
  const values = listOf(text(headerValue), 1)
  for (const [header, expected] of Object.entries(value)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header)) {
      report(`bad header name '${header}'`, [header])
    }
    if (header.toLowerCase() === 'host') {
      report("cannot contain 'host' header, which must be specified in the 'hosts' attribute", [header])
    }
    values(expected ?? null, (message, below = []) => report(message, [header, ...below]))
  }
}
