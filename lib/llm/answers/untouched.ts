import type { Answer, AnswerFacts } from '../answer.js'
import { asBuffer } from '../bytes.js'
import type { ChatError } from '../errors.js'
import { Outbox } from './outbox.js'

/** Reads along for the answer's facts. What it throws ends its reading and harms nothing. */
export interface AnswerWatch {
  readonly facts: AnswerFacts
  push(bytes: Uint8Array): void
  end(): void
  /** Never rejects. */
  countUsage(): Promise<void>
}

/**
 * An answer whose bytes pass as they come, the first one at once. Its failure shows in `state` and `error` alone: no event
 * of ours would fit a format that is not OpenAI's.
 */
export class UntouchedAnswer implements Answer {
  state: Answer['state'] = 'held'
  error: ChatError | undefined
  private readonly outbox = new Outbox()
  private isWatched = true

  constructor(private readonly watch: AnswerWatch) {}

  /** What is in the bytes is not ours to say. */
  get began(): boolean {
    return this.state !== 'held'
  }

  get facts(): AnswerFacts {
    return this.watch.facts
  }

  push(bytes: Uint8Array): void {
    if (this.isOver() || bytes.length === 0) return
    this.state = 'open'
    this.outbox.add(asBuffer(bytes))
    this.watching(() => this.watch.push(bytes))
  }

  end(): void {
    if (this.isOver()) return
    this.state = 'done'
    this.watching(() => this.watch.end())
  }

  fail(error: ChatError): void {
    if (this.isOver()) return
    this.state = 'failed'
    this.error = error
  }

  release(): void {}

  countUsage(): Promise<void> {
    return this.watch.countUsage()
  }

  read(): Buffer | undefined {
    return this.outbox.take()
  }

  private isOver(): boolean {
    return this.state === 'done' || this.state === 'failed'
  }

  private watching(step: () => void): void {
    if (!this.isWatched) return
    try {
      step()
    } catch {
      this.isWatched = false
    }
  }
}
