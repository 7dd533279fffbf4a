import { PdkError } from './method.js'

/** How Kong's messages name the type of a value. */
export function luaType(value: unknown): string {
  if (value === undefined || value === null) return 'nil'
  return typeof value === 'object' ? 'table' : typeof value
}

/** Refuses a value of another Lua type with Kong's words. */
export function expectType(
  value: unknown,
  type: 'string' | 'number' | 'boolean' | 'table',
  what: string,
): void {
  if (luaType(value) !== type) throw new PdkError(`${what} must be a ${type}`)
}

/** Refuses a number that is none or not in Kong's range. */
export function expectInteger(value: unknown, min: number, max: number, what: string): void {
  if (!Number.isInteger(value)) throw new PdkError(`${what} must be an integer`)
  if (Number(value) < min || Number(value) > max) {
    throw new PdkError(`${what} must be an integer between ${min} and ${max}: given ${String(value)}`)
  }
}

/** Checks the optional limit of a getter and gives its value: 100 by default (nginx's), at most 1000. */
export function checkLimit(value: number | undefined, what: string): number {
  if (value === undefined || value === null) return 100
  expectType(value, 'number', what)
  if (value < 1) throw new PdkError(`${what} must be >= 1`)
  if (value > 1000) throw new PdkError(`${what} must be <= 1000`)
  return value
}
