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

/** An instance of a namespace's class. */
interface Namespace {
  readonly [scopeKey]: Scope
}

type NamespaceClass = new (scope: Scope) => Namespace

/** Makes a table's method one of a class. */
type Implement = (method: AnyMethod, name: string) => PropertyDescriptor & ThisType<Namespace>

/** How the classes of one facade are made. */
interface Making {
  readonly implement: Implement
  /** Below the facade itself. */
  namespaces: number
}

/**
 * Makes a class of a table, its methods on the prototype. An instance holds its scope alone, and the scope, from their first use, the
 * namespaces below it, so that making one costs next to nothing.
 */
function compile(table: Table, making: Making, path: string): NamespaceClass {
  class Compiled implements Namespace {
    declare readonly [scopeKey]: Scope

    constructor(scope: Scope) {
      this[scopeKey] = scope
    }
  }
  for (const [key, entry] of Object.entries(table)) {
    const name = `${path}.${key}`
    const member = entry instanceof Unavailable ? refusal(entry, name) : entry
    let descriptor: PropertyDescriptor
    if (member instanceof Method) descriptor = making.implement(member, name)
    else if (member instanceof Property) descriptor = property(member)
    else descriptor = below(compile(member, making, name), making.namespaces++)
    Object.defineProperty(Compiled.prototype, key, descriptor)
  }
  return Compiled
}

function property({ get }: Property<unknown>): PropertyDescriptor & ThisType<Namespace> {
  return {
    get() {
      return get(this[scopeKey])
    },
  }
}

/** @param place of its own among the namespaces of the facade */
function below(Child: NamespaceClass, place: number): PropertyDescriptor & ThisType<Namespace> {
  return {
    get() {
      const scope = this[scopeKey]
      return (scope.namespaces[place] ??= new Child(scope))
    },
  }
}

function refusal({ hint }: Unavailable, name: string): AnyMethod {
  return read(anyPhase, () => {
    throw new PdkError(`${name} is not available here${hint === '' ? '' : `: ${hint}`}`)
  })
}

/** @returns false where a call does nothing any more */
function mayCall(scope: Scope, { phases, writes }: AnyMethod): boolean {
  const { phase } = scope.exchange
  if (writes && isOver(scope, phase)) return false
  if (!phases.includes(phase)) {
    throw new PdkError(`function cannot be called in ${phase} phase (only in: ${phases.join(', ')})`)
  }
  return true
}

/** A method that gives its value and throws. A hot path, as the next one: a list of arguments is only made where it must be. */
function syncMethod(method: AnyMethod): PropertyDescriptor & ThisType<Namespace> {
  if (method.takesMany) {
    return {
      value(...args: unknown[]) {
        const scope = this[scopeKey]
        return mayCall(scope, method) ? method.call(scope, ...args) : undefined
      },
    }
  }
  return {
    value(a: unknown, b: unknown, c: unknown) {
      const scope = this[scopeKey]
      return mayCall(scope, method) ? method.call(scope, a, b, c) : undefined
    },
  }
}

/** The same giving a promise: nearly every method is done when it returns, and costs that one. */
function asyncMethod(method: AnyMethod, name: string): PropertyDescriptor & ThisType<Namespace> {
  if (method.takesMany) {
    return {
      value(...args: unknown[]) {
        const scope = this[scopeKey]
        try {
          return promised(mayCall(scope, method) ? method.call(scope, ...args) : undefined, scope, name)
        } catch (error) {
          return guarded(Promise.reject(error), scope, name)
        }
      },
    }
  }
  return {
    value(a: unknown, b: unknown, c: unknown) {
      const scope = this[scopeKey]
      try {
        return promised(mayCall(scope, method) ? method.call(scope, a, b, c) : undefined, scope, name)
      } catch (error) {
        return guarded(Promise.reject(error), scope, name)
      }
    },
  }
}

/**
 * Whether an `exit` has ended what the caller is doing. kong-pdk code goes on after an exit, and while it awaits something the
 * exchange may already be filtering the answer: up to the log phase such a straggler changes nothing.
 */
function isOver({ exitedIn }: Scope, phase: Phase): boolean {
  if (exitedIn === undefined) return false
  return exitedIn === 'header_filter' || exitedIn === 'body_filter' ? phase === exitedIn : phase !== 'log'
}

function promised(result: unknown, scope: Scope, name: string): Promise<unknown> {
  return result instanceof Promise ? guarded(result, scope, name) : Promise.resolve(result)
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
  return compile(table, { implement: syncMethod, namespaces: 0 }, 'kong')
}

/** Builds the facade whose methods give promises and reject. */
export function asyncFacade<T extends Table, P extends Phase>(
  table: T,
): new (scope: Scope) => AsyncFacade<T, P>
export function asyncFacade(table: Table): new (scope: Scope) => object {
  return compile(table, { implement: asyncMethod, namespaces: 0 }, 'kong')
}
