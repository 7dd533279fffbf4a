import { Worker } from 'node:worker_threads'
import type { EncodingName } from './models.js'
import type { CountReply, CountRequest } from './worker.js'

/** Characters of one count that are tokenized: some 250 000 tokens. What is beyond counts like what is before. */
const MAX_CHARS = 1024 * 1024
/** Characters that may wait for the worker. Beyond it falls behind, and what comes then is estimated at once. */
const MAX_QUEUED_CHARS = 16 * 1024 * 1024

/** English prose; a rough measure for when there is no better one. */
const BYTES_PER_TOKEN = 4

/** Runs uncompiled (under vitest) the module takes the compiled worker: Node starts no thread of TypeScript. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/lib/llm/tokens/worker.js' : './worker.js',
  import.meta.url,
)

interface Waiting {
  texts: string[]
  chars: number
  resolve(tokens: number): void
}

/**
 * Counts on a thread of its own, which starts with the first count and loads an encoding with the first count in it. It
 * keeps no process alive.
 */
export class Tokenizer {
  #worker: Worker | undefined
  #nextId = 0
  #queuedChars = 0
  readonly #waiting = new Map<number, Waiting>()

  /** Whether the thread runs: nothing has been loaded where it does not. */
  get started(): boolean {
    return this.#worker !== undefined
  }

  /** Tokens of the texts, each by itself. Never rejects: without a worker, or with a long queue, it estimates. */
  count(encoding: EncodingName, texts: readonly string[]): Promise<number> {
    const { kept, chars, omitted } = cut(texts)
    if (chars === 0) return Promise.resolve(0)
    const whole = (tokens: number): number => Math.round((tokens * (chars + omitted)) / chars)
    if (this.#queuedChars + chars > MAX_QUEUED_CHARS) return Promise.resolve(whole(estimate(kept)))
    return new Promise((resolve) => {
      const id = this.#nextId++
      this.#queuedChars += chars
      this.#waiting.set(id, { texts: kept, chars, resolve: (tokens) => resolve(whole(tokens)) })
      const worker = (this.#worker ??= this.#start())
      worker.ref()
      worker.postMessage({ id, encoding, texts: kept } satisfies CountRequest, [])
    })
  }

  #start(): Worker {
    const worker = new Worker(WORKER)
    worker.on('message', ({ id, tokens }: CountReply) => this.#settle(id, () => tokens))
    worker.on('error', () => this.#lost())
    worker.on('exit', () => this.#lost())
    return worker
  }

  #settle(id: number, tokens: (texts: string[]) => number): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    this.#queuedChars -= waiting.chars
    if (this.#waiting.size === 0) this.#worker?.unref()
    waiting.resolve(tokens(waiting.texts))
  }

  /** The next count starts another. */
  #lost(): void {
    this.#worker = undefined
    for (const id of this.#waiting.keys()) this.#settle(id, estimate)
  }
}

/** The process's own. */
export const tokenizer = new Tokenizer()

function estimate(texts: readonly string[]): number {
  return Math.ceil(texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0) / BYTES_PER_TOKEN)
}

function cut(texts: readonly string[]): { kept: string[]; chars: number; omitted: number } {
  const kept: string[] = []
  let chars = 0
  let omitted = 0
  for (const text of texts) {
    const taken = text.slice(0, MAX_CHARS - chars)
    chars += taken.length
    omitted += text.length - taken.length
    if (taken !== '') kept.push(taken)
  }
  return { kept, chars, omitted }
}
