import type { Exchange, Phase } from './exchange.js'

/** Where `kong.log` writes: pino's signature. */
export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}

/** What the process gives to every plugin's `kong`. */
export interface PdkHost {
  readonly nodeId: string
  readonly hostname: string
  readonly logger: Logger
  /** Whether the address is one of the trusted proxies. */
  isTrusted(address: string): boolean
  /** The value of a `{vault://...}` reference; undefined if there is none. */
  secret(reference: string): string | undefined
}

/** One plugin in one exchange. */
export interface PluginScope {
  readonly name: string
  /** The id of the plugin's configuration (`kong.plugin.getId`). */
  readonly id: string | undefined
  /** `kong.ctx.plugin`: the plugin's own state for this request, the same object in all phases. */
  readonly state: Record<string, unknown>
  readonly host: PdkHost
}

/** What a PDK method works on. One per facade. */
export interface Scope {
  readonly exchange: Exchange
  readonly plugin: PluginScope
  /** The phase that this facade's `kong.response.exit` ended. */
  exitedIn: Phase | undefined
  /** The facade's namespaces that were used, each in its place. */
  readonly namespaces: (object | undefined)[]
}

/** Refused arguments, phases and calls. The name is that of kong-pdk's errors. */
export class PdkError extends Error {
  override readonly name = 'PDKError'
}

/** Written as a method's type, which is bivariant: every Method is a `Method<Phase, unknown[], unknown>`. */
type Call<A extends unknown[], R> = { of(scope: Scope, ...args: A): R }['of']

/** The arguments of all methods but those of `readMany`. */
type UpToThree = [unknown?, unknown?, unknown?]

/** A method of the PDK: the phases in which Kong allows it, and what it does. */
export class Method<P extends Phase, A extends unknown[], R> {
  constructor(
    /** In Kong's order, as its message lists them. */
    readonly phases: readonly P[],
    readonly call: Call<A, R>,
    /** Changes something, so it does nothing any more after `kong.response.exit`. */
    readonly writes: boolean,
    /** Any number of arguments. */
    readonly takesMany = false,
  ) {}
}

/** A plain value among the methods, the same in both facades. */
export class Property<V> {
  constructor(readonly get: (scope: Scope) => V) {}
}

/** A method of Kong's that has no meaning here. It is not in the types; a call of it throws. */
export class Unavailable {
  constructor(readonly hint: string) {}
}

export function read<const P extends Phase, A extends UpToThree, R>(
  phases: readonly P[],
  call: (scope: Scope, ...args: A) => R,
): Method<P, A, R> {
  return new Method(phases, call, false)
}

export function write<const P extends Phase, A extends UpToThree, R>(
  phases: readonly P[],
  call: (scope: Scope, ...args: A) => R,
): Method<P, A, R> {
  return new Method(phases, call, true)
}

/** A method that takes any number of arguments. */
export function readMany<const P extends Phase, A extends unknown[], R>(
  phases: readonly P[],
  call: (scope: Scope, ...args: A) => R,
): Method<P, A, R> {
  return new Method(phases, call, false, true)
}

export function unavailable(hint = ''): Unavailable {
  return new Unavailable(hint)
}

export const anyPhase = ['rewrite', 'access', 'response', 'header_filter', 'body_filter', 'log'] as const
export const accessAndLater = ['access', 'response', 'header_filter', 'body_filter', 'log'] as const
export const beforeUpstream = ['rewrite', 'access'] as const
export const whileBodyIsRead = ['rewrite', 'access', 'response'] as const
export const afterUpstream = ['response', 'header_filter', 'body_filter', 'log'] as const
export const filters = ['header_filter', 'body_filter'] as const
export const accessAndFilters = ['access', 'header_filter', 'body_filter'] as const
/** Kong ends this list before `body_filter`. Here status and headers go out lazily, so they may change there too. */
export const untilCommitted = ['rewrite', 'access', 'response', 'header_filter', 'body_filter'] as const
