import { CredentialError, errorKind } from './error.js'

/** A token, or whatever else a credential is, with its end. */
export interface Expiring<T> {
  value: T
  /** Unix milliseconds; `Infinity` for what does not expire. */
  expiresAt: number
}

/** Milliseconds before its end from which on a token is replaced, half of its life at most. */
const REFRESH_AHEAD = 5 * 60_000
/** Milliseconds before its end from which on a token is not used: the request has a way to go, and clocks differ. */
const CLOCK_SKEW = 10_000
/** Milliseconds until a failed refresh is tried again, while there is a usable token. */
const RETRY_AFTER = 30_000
/** Milliseconds that one load may take. */
const TIME_LIMIT = 10_000

/**
 * One credential's token: loaded when first asked for, shared by all who ask meanwhile, and replaced before it ends.
 * While the old one is good nobody waits for the new one, and a refresh that fails does no harm.
 */
export class TokenCache<T extends string | object> {
  readonly #what: string
  readonly #load: (signal: AbortSignal) => Promise<Expiring<T>>
  #token: { value: T; refreshAt: number; usableUntil: number } | undefined
  #refreshing: Promise<T> | undefined

  /**
   * @param what what is loaded, for errors: `the AWS role's credentials`
   * @param load gets the token; whatever it rejects with becomes a `CredentialError`
   */
  constructor(what: string, load: (signal: AbortSignal) => Promise<Expiring<T>>) {
    this.#what = what
    this.#load = load
  }

  /** @throws CredentialError where there is no usable token and none could be loaded. */
  async get(): Promise<T> {
    return this.now() ?? (await this.#refresh())
  }

  /** The token, if there is one that need not be waited for. */
  now(): T | undefined {
    const token = this.#token
    const now = Date.now()
    if (!token || now >= token.usableUntil) return undefined
    // Nobody waits for this refresh: its failure is heard of by the request that finds no usable token any more.
    if (now >= token.refreshAt) this.#refresh().catch(() => undefined)
    return token.value
  }

  #refresh(): Promise<T> {
    return (this.#refreshing ??= this.#replace())
  }

  async #replace(): Promise<T> {
    try {
      const { value, expiresAt } = await this.#loadInTime()
      const life = expiresAt - Date.now()
      this.#token = {
        value,
        refreshAt: expiresAt - Math.min(REFRESH_AHEAD, life / 2),
        usableUntil: expiresAt - CLOCK_SKEW,
      }
      return value
    } catch (error) {
      if (this.#token) this.#token.refreshAt = Date.now() + RETRY_AFTER
      throw error
    } finally {
      this.#refreshing = undefined
    }
  }

  async #loadInTime(): Promise<Expiring<T>> {
    const limit = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new CredentialError(`${this.#what}: no answer within ${TIME_LIMIT / 1000} s`))
        limit.abort()
      }, TIME_LIMIT)
    })
    try {
      // A race, as not every library behind `load` knows of signals.
      return await Promise.race([this.#load(limit.signal), late])
    } catch (error) {
      if (error instanceof CredentialError) throw error
      throw new CredentialError(`${this.#what}: ${errorKind(error)}`)
    } finally {
      clearTimeout(timer)
    }
  }
}
