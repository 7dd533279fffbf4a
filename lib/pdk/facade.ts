import type { Phase } from './exchange.js'
import { anyPhase, Method, PdkError, Property, read, type Scope, Unavailable } from './method.js'

/** A namespace of the PDK: its methods and the namespaces below it. */
export interface Table {
  readonly [name: string]: Entry
}
type Entry = AnyMethod | Property<unknown> | Unavailable | Table
type AnyMethod = Method<Phase, unknown[], unknown>

/** `Name` if the entry can be used in one of the phases. */
type SeenIn<E, P extends Phase, Name> = E extends Unavailable
  ? never
  : E extends { readonly phases: readonly (infer M)[] }
    ? [Extract<M, P>] extends [never]
      ? never
      : Name
    : Name

/** The table's methods that may be called in one of the phases, giving their values. */
export type SyncFacade<T, P extends Phase> = {
  readonly [K in keyof T as SeenIn<T[K], P, K>]: T[K] extends Method<Phase, infer A, infer R>
    ? (...args: A) => R
    : T[K] extends Property<infer V>
      ? V
      : SyncFacade<T[K], P>
}

/** The same giving promises. */
export type AsyncFacade<T, P extends Phase> = {
  readonly [K in keyof T as SeenIn<T[K], P, K>]: T[K] extends Method<Phase, infer A, infer R>
    ? (...args: A) => Promise<Awaited<R>>
    : T[K] extends Property<infer V>
      ? V
      : AsyncFacade<T[K], P>
}

const scopeKey = Symbol('scope')

class Namespace {
  readonly [scopeKey]: Scope

  constructor(scope: Scope) {
    this[scopeKey] = scope
  }
}

type Caller = (scope: Scope, method: AnyMethod, args: unknown[], name: string) => unknown

/**
 * Makes a class of a table, its methods on the prototype. An instance holds its scope and, from their first use, the
 * namespaces below it, so that making one costs next to nothing.
 */
function compile(table: Table, caller: Caller, path: string): typeof Namespace {
  class Compiled extends Namespace {}
  for (const [key, entry] of Object.entries(table)) {
    Object.defineProperty(Compiled.prototype, key, descriptor(entry, caller, `${path}.${key}`))
  }
  return Compiled
}

function descriptor(entry: Entry, caller: Caller, name: string): PropertyDescriptor & ThisType<Namespace> {
  const member = entry instanceof Unavailable ? refusal(entry, name) : entry
  if (member instanceof Method) {
    return {
      value(...args: unknown[]) {
        return caller(this[scopeKey], member, args, name)
      },
    }
  }
  if (member instanceof Property) {
    return {
      get() {
        return member.get(this[scopeKey])
      },
    }
  }
  const Child = compile(member, caller, name)
  const slot = Symbol(name)
  return {
    get(this: Namespace & { [slot]?: Namespace }) {
      return (this[slot] ??= new Child(this[scopeKey]))
    },
  }
}

function refusal({ hint }: Unavailable, name: string): AnyMethod {
  return read(anyPhase, () => {
    throw new PdkError(`${name} is not available here${hint === '' ? '' : `: ${hint}`}`)
  })
}

function call(scope: Scope, method: AnyMethod, args: unknown[]): unknown {
  const { phase } = scope.exchange
  if (method.writes && isOver(scope, phase)) return undefined
  if (!method.phases.includes(phase)) {
    throw new PdkError(`function cannot be called in ${phase} phase (only in: ${method.phases.join(', ')})`)
  }
  return method.call(scope, ...args)
}

/**
 * Whether an `exit` has ended what the caller is doing. kong-pdk code goes on after an exit, and while it awaits something the
 * exchange may already be filtering the answer: up to the log phase such a straggler changes nothing.
 */
function isOver({ exitedIn }: Scope, phase: Phase): boolean {
  if (exitedIn === undefined) return false
  return exitedIn === 'header_filter' || exitedIn === 'body_filter' ? phase === exitedIn : phase !== 'log'
}

/** A hot path: nearly every method is done when it returns, and costs one promise. */
function callAsync(scope: Scope, method: AnyMethod, args: unknown[], name: string): Promise<unknown> {
  try {
    const result = call(scope, method, args)
    return result instanceof Promise ? guarded(result, scope, name) : Promise.resolve(result)
  } catch (error) {
    return guarded(Promise.reject(error), scope, name)
  }
}

/** kong-pdk code often awaits nothing: a rejection that nobody handles must not end the process, nor get lost. */
function guarded(result: Promise<unknown>, scope: Scope, name: string): Promise<unknown> {
  result.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    scope.plugin.host.logger.warn(
      { request_id: scope.exchange.id },
      `[${scope.plugin.name}] ${name}: ${reason}`,
    )
  })
  return result
}

/** Builds the facade whose methods give values and throw. */
export function syncFacade<T extends Table, P extends Phase>(table: T): new (scope: Scope) => SyncFacade<T, P>
export function syncFacade(table: Table): new (scope: Scope) => object {
  return compile(table, call, 'kong')
}

/** Builds the facade whose methods give promises and reject. */
export function asyncFacade<T extends Table, P extends Phase>(
  table: T,
): new (scope: Scope) => AsyncFacade<T, P>
export function asyncFacade(table: Table): new (scope: Scope) => object {
  return compile(table, callAsync, 'kong')
}
