import { ChatError, errorObject } from '../../errors.js'
import { lookup } from '../lookup.js'

/** https://docs.claude.com/en/api/errors */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

/** The provider's answer of an error status: its status and message, its own type as the code. */
export function convertError(status: number, body: unknown): ChatError {
  const { message, code } = readError(body)
  return new ChatError(status, message ?? `anthropic answered with status ${status}`, { code })
}

/** An error inside an answer that began with 200: the status that it would have had as an answer of its own. */
export function convertStreamError(body: unknown): ChatError {
  const { message, code } = readError(body)
  const status = lookup(STATUS_OF_TYPE, code) ?? 500
  return new ChatError(status, message ?? 'anthropic broke off its answer', { code })
}

function readError(body: unknown): { message: string | undefined; code: string | null } {
  const { message, type } = errorObject(body) ?? {}
  return {
    message: typeof message === 'string' && message !== '' ? message : undefined,
    code: typeof type === 'string' ? type : null,
  }
}
