import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { LiveExchange } from '../exchange.js'
import { Gaps } from '../telemetry/flow.js'
import type { ExchangeObserver } from '../telemetry/telemetry.js'
import { pageHtml } from './page.js'
import { rowOf, type Row } from './rows.js'

const TICK_MS = 500
const MAX_FINISHED = 100
/** More than anyone looks through. */
const MAX_LIVE = 200
const MAX_WATCHERS = 20

interface Watcher {
  readonly out: ServerResponse
  /** How many exchanges had finished when it was last told of them. */
  seen: number
}

/** What `/streams` sends at each tick. */
export interface Snapshot {
  /** The number of all; `live` has at most two hundred. */
  open: number
  live: Row[]
  /** Those that finished since the last snapshot, the oldest first; in the first one the last hundred. */
  finished: Row[]
}

/** Shows who looks what the exchanges with models do: a page, and the events that it lives on. Without watchers no timer runs. */
export class LivePage implements ExchangeObserver {
  readonly #open = new Set<LiveExchange>()
  readonly #finished: Row[] = []
  #count = 0
  readonly #watchers = new Set<Watcher>()
  #timer: NodeJS.Timeout | undefined

  begin(x: LiveExchange): void {
    this.#open.add(x)
    x.flow.gaps = new Gaps()
  }

  end(x: LiveExchange): void {
    this.#open.delete(x)
    if (!x.modelCall) return
    this.#count++
    this.#finished.push(rowOf(x, x.modelCall))
    if (this.#finished.length > MAX_FINISHED) this.#finished.shift()
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

  /** `GET /streams`: server-sent events, each with a `Snapshot`. */
  events(out: ServerResponse): void {
    if (this.#watchers.size >= MAX_WATCHERS) {
      out.writeHead(503, { 'content-type': 'text/plain' }).end('too many watchers\n')
      return
    }
    out.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const watcher: Watcher = { out, seen: this.#count - this.#finished.length }
    this.#watchers.add(watcher)
    out.once('close', () => this.#leave(watcher))
    this.#tell(watcher, this.#live())
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
  }

  #tick(): void {
    const live = this.#live()
    for (const watcher of this.#watchers) this.#tell(watcher, live)
  }

  #live(): Pick<Snapshot, 'open' | 'live'> {
    const calls = [...this.#open].filter(({ modelCall }) => modelCall !== undefined)
    return { open: calls.length, live: calls.slice(-MAX_LIVE).map((x) => rowOf(x, x.modelCall!)) }
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
