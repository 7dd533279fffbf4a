import type { Answer, AnswerFacts } from '../../lib/llm/answer.js'
import type { Driver } from '../../lib/llm/driver.js'
import { ChatError } from '../../lib/llm/errors.js'
import { parseJson } from '../../lib/llm/json.js'

/** More than any provider's error needs; what goes beyond is not read. */
const MAX_ERROR_BYTES = 64 * 1024

/** A provider's answer of an error status: collected, then a `ChatError` of that status in OpenAI's shape. */
export class ErrorAnswer implements Answer {
  state: Answer['state'] = 'held'
  error: ChatError | undefined
  readonly facts: AnswerFacts = { finishReasons: [], frames: 0, unknownFrames: 0 }
  readonly #pieces: Uint8Array[] = []
  #size = 0

  constructor(
    private readonly driver: Driver,
    private readonly status: number,
    private readonly retryAfter: string | undefined,
  ) {}

  push(bytes: Uint8Array): void {
    if (this.#size < MAX_ERROR_BYTES) this.#pieces.push(bytes)
    this.#size += bytes.length
  }

  end(): void {
    const text = Buffer.concat(this.#pieces).toString()
    const said = this.driver.error(this.status, parseJson(text) ?? text)
    const { message, type, param, code } = said
    const retryAfter = said.retryAfter ?? this.retryAfter
    this.fail(new ChatError(said.status, message, { type, param, code, ...(retryAfter && { retryAfter }) }))
  }

  /** Also where the connection broke inside the error's body: its status is known all the same. */
  fail(error: ChatError): void {
    if (this.state === 'failed') return
    this.state = 'failed'
    this.error = error
  }

  release(): void {}

  read(): undefined {
    return undefined
  }
}
