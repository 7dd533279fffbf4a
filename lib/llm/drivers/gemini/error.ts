import { ChatError, errorObject } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'

/**
 * The provider's answer of an error status. Where the answer would have been a JSON array, so is the error.
 *
 * Source: https://cloud.google.com/apis/design/errors
 */
export function convertError(status: number, body: unknown): ChatError {
  const error = errorObject(Array.isArray(body) ? body[0] : body) ?? {}
  const message = typeof error.message === 'string' && error.message !== '' ? error.message : undefined
  const retryAfter = retryDelay(error)
  return new ChatError(status, message ?? `gemini answered with status ${status}`, {
    code: typeof error.status === 'string' ? error.status : null,
    ...(retryAfter !== undefined && { retryAfter }),
  })
}

/** An error inside an answer that began with 200: it names the status that it would have had as an answer of its own. */
export function convertStreamError(body: JsonObject): ChatError {
  const code = errorObject(body)?.code
  return convertError(typeof code === 'number' && code >= 400 && code < 600 ? code : 500, body)
}

/** A prompt that was blocked has no candidates: to the client it is a bad request, as with OpenAI on Azure. */
export function blockedPrompt(feedback: JsonObject): ChatError {
  const reason = typeof feedback.blockReason === 'string' ? feedback.blockReason : 'unspecified'
  const detail = typeof feedback.blockReasonMessage === 'string' ? `: ${feedback.blockReasonMessage}` : ''
  return new ChatError(400, `the prompt was blocked by gemini (${reason})${detail}`, {
    code: 'content_filter',
    param: 'messages',
  })
}

/** `google.rpc.RetryInfo` among the details: `"34.4s"`, as whole seconds. */
function retryDelay(error: JsonObject): string | undefined {
  if (!Array.isArray(error.details)) return undefined
  for (const detail of error.details) {
    const delay = isObject(detail) ? detail.retryDelay : undefined
    const seconds = typeof delay === 'string' ? Number.parseFloat(delay) : Number.NaN
    if (Number.isFinite(seconds)) return String(Math.ceil(seconds))
  }
  return undefined
}
