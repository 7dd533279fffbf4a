import type { Answer, AnswerFacts } from '../../lib/llm/answer.js'
import type { Driver } from '../../lib/llm/driver.js'
import { ChatError } from '../../lib/llm/errors.js'
import { parseJson } from '../../lib/llm/json.js'

/** More than any provider's error needs; what goes beyond is not waited for. */
const MAX_ERROR_BYTES = 64 * 1024

/** A provider's answer that is none of its API's good ones: collected, then a `ChatError` in OpenAI's shape. */
export class ErrorAnswer implements Answer {
  state: Answer['state'] = 'held'
  error: ChatError | undefined
  readonly began = false
  readonly facts: AnswerFacts = { finishReasons: [], frames: 0, unknownFrames: 0 }
  private readonly pieces: Uint8Array[] = []
  private size = 0

  constructor(
    private readonly driver: Driver,
    private readonly status: number,
    private readonly retryAfter: string | undefined,
  ) {}

  push(bytes: Uint8Array): void {
    this.pieces.push(bytes)
    this.size += bytes.length
    if (this.size >= MAX_ERROR_BYTES) this.end()
  }

  end(): void {
    if (this.state === 'failed') return
    this.state = 'failed'
    this.error = this.convert()
  }

  /** Where the connection broke inside the error's body, its status is known all the same. */
  fail(): void {
    this.end()
  }

  release(): void {}

  read(): undefined {
    return undefined
  }

  private convert(): ChatError {
    const { status, driver } = this
    // A redirect would send the client, with its credentials for us, to an address of the provider's choice.
    if (status < 400 || status > 599) {
      return ChatError.badUpstream(`the provider answered with status ${status}`, 'unexpected_status')
    }
    const text = Buffer.concat(this.pieces).toString()
    const said = driver.error(status, parseJson(text) ?? text)
    const { message, type, param, code } = said
    const retryAfter = said.retryAfter ?? this.retryAfter
    return new ChatError(said.status, message, { type, param, code, ...(retryAfter && { retryAfter }) })
  }
}
