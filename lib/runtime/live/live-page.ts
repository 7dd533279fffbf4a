import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { MAX_FINISHED, type Snapshot } from './live-rows.js'
import { pageHtml } from './page.js'
import type { Row } from './rows.js'

const TICK_MS = 500
const MAX_WATCHERS = 20

/** Gives the exchanges as they are, with those that have finished since it was called last. */
export type Look = () => Snapshot | Promise<Snapshot>

interface Watcher {
  readonly out: ServerResponse
  /** How many exchanges had finished when it was last told of them. */
  seen: number
}

/**
 * Shows who looks what the exchanges with models do: a page, and the events that it lives on. Without watchers no timer runs
 * and nobody is asked.
 */
export class LivePage {
  readonly #look: Look
  readonly #finished: Row[] = []
  #count = 0
  readonly #watchers = new Set<Watcher>()
  #timer: NodeJS.Timeout | undefined
  #isLooking = false

  constructor(look: Look) {
    this.#look = look
  }

  /** `GET /`. Nothing in the page but what came with it may run. */
  page(out: ServerResponse): void {
    const nonce = randomBytes(16).toString('base64')
    out.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; img-src data:; ` +
        `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    out.end(pageHtml(nonce))
  }

  /** `GET /streams`: server-sent events, each a `Snapshot`; the first has all finished ones that are remembered. */
  events(out: ServerResponse): void {
    if (this.#watchers.size >= MAX_WATCHERS) {
      out.writeHead(503, { 'content-type': 'text/plain' }).end('too many watchers\n')
      return
    }
    out.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const watcher: Watcher = { out, seen: this.#count - this.#finished.length }
    this.#watchers.add(watcher)
    out.once('close', () => this.#leave(watcher))
    this.#timer ??= setInterval(() => void this.#tick(), TICK_MS).unref()
    void this.#tick()
  }

  async #tick(): Promise<void> {
    // Who is slow to answer is not asked again before.
    if (this.#isLooking) return
    this.#isLooking = true
    const { open, live, finished } = await this.#look()
    this.#isLooking = false
    this.#count += finished.length
    this.#finished.push(...finished)
    this.#finished.splice(0, this.#finished.length - MAX_FINISHED)
    for (const watcher of this.#watchers) this.#tell(watcher, { open, live })
  }

  #tell(watcher: Watcher, live: Pick<Snapshot, 'open' | 'live'>): void {
    // Who has not taken the last snapshot misses this one, and hears of what finished in the next.
    if (watcher.out.writableLength > 0) return
    const missed = Math.min(this.#count - watcher.seen, this.#finished.length)
    const finished = missed > 0 ? this.#finished.slice(-missed) : []
    watcher.seen = this.#count
    const snapshot: Snapshot = { ...live, finished }
    watcher.out.write(`data: ${JSON.stringify(snapshot)}\n\n`)
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
