import type { Usage } from '../../lib/llm/chat.js'
import type { Sink } from '../../lib/llm/sink.js'

/** One call of a sink: the method's name, then its arguments. */
export type Call = [method: keyof Sink, ...args: unknown[]]

/** Keeps what a translator says, in order. Unlike the sinks of the formats it forgives nothing and completes nothing. */
export class RecordingSink implements Sink {
  readonly calls: Call[] = []
  /** Of `promptUsage`, which says nothing that a client sees: not among the calls. */
  ownPrompt: Usage | undefined

  readonly start = this.#recorder('start')
  readonly text = this.#recorder('text')
  readonly refusal = this.#recorder('refusal')
  readonly reasoning = this.#recorder('reasoning')
  readonly toolStart = this.#recorder('toolStart')
  readonly toolArgs = this.#recorder('toolArgs')
  readonly logprobs = this.#recorder('logprobs')
  readonly extra = this.#recorder('extra')
  readonly finish = this.#recorder('finish')
  readonly usage = this.#recorder('usage')
  readonly done = this.#recorder('done')
  readonly error = this.#recorder('error')

  texts(choice: number, texts: readonly string[]): void {
    for (const text of texts) this.text(choice, text)
  }

  promptUsage(usage: Usage): void {
    this.ownPrompt = usage
  }

  /** The arguments of every call of one method. */
  of(method: keyof Sink): unknown[][] {
    return this.calls.filter(([name]) => name === method).map(([, ...args]) => args)
  }

  #recorder(method: keyof Sink): (...args: unknown[]) => void {
    return (...args) => {
      this.calls.push([method, ...args])
    }
  }
}
