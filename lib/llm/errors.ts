import type { JsonObject } from './json.js'

/** OpenAI's error object: https://platform.openai.com/docs/guides/error-codes/api-errors */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

export interface ChatErrorDetails {
  /** OpenAI's error type; follows from the status when absent. */
  type?: string
  /** The faulty field as a path: `messages[0].content`. */
  param?: string | null
  code?: string | null
  /** Seconds or an HTTP date, as the provider sent it. */
  retryAfter?: string
}

/** What OpenAI calls an error of each status. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  429: 'rate_limit_error',
}

/**
 * An error on its way to the client: an HTTP status and OpenAI's error object before the first delta,
 * one error event after it.
 */
export class ChatError extends Error {
  readonly status: number
  readonly type: string
  readonly param: string | null
  readonly code: string | null
  readonly retryAfter: string | undefined

  constructor(status: number, message: string, details: ChatErrorDetails = {}) {
    super(message)
    this.name = 'ChatError'
    this.status = status
    this.type =
      details.type ?? TYPE_OF_STATUS[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
    this.param = details.param ?? null
    this.code = details.code ?? null
    this.retryAfter = details.retryAfter
  }

  toBody(): ErrorBody {
    return {
      error: { message: this.message, type: this.type, param: this.param, code: this.code },
    }
  }

  /** The 400 for a fault in the request; `param` is the path of the faulty field. */
  static badRequest(message: string, param: string | null = null): ChatError {
    return new ChatError(400, message, { param })
  }

  /** The 502 for an answer that the provider broke off or that cannot be read. */
  static badUpstream(message: string, code: string | null = null): ChatError {
    return new ChatError(502, message, { type: 'upstream_error', code })
  }

  /** The 500, in Kong's words, for a good answer that is not of its API: `from` is `<provider>://<route type>`. */
  static untranslatable(from: string, detail: string): ChatError {
    return new ChatError(500, `transformation failed from type ${from}: ${detail}`, {
      type: 'upstream_error',
      code: 'transformation_failed',
    })
  }
}

/** Reads OpenAI's error object, or what looks like it; `undefined` where there is none. */
export function errorObject(body: unknown): JsonObject | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const error = (body as JsonObject).error
  return typeof error === 'object' && error !== null && !Array.isArray(error) ? error : undefined
}
