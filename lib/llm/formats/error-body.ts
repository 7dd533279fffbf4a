import { ChatError, type ChatErrorDetails } from '../errors.js'
import { isObject, type JsonObject } from '../json.js'

/** The status of an error that came inside an answer, by OpenAI's types and codes and those of compatible servers. */
const STATUS_OF_TYPE: ReadonlyMap<unknown, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['insufficient_quota', 429],
  ['requests', 429],
  ['tokens', 429],
  ['server_error', 500],
  ['overloaded_error', 503],
])

/**
 * The error in a body or a chunk that came with a good status: OpenAI's `{"error":{...}}`, the `{"error":"text"}` and
 * `{"object":"error","message":...}` of compatible servers. `undefined` if there is none.
 */
export function errorWithin(body: JsonObject): ChatError | undefined {
  const fields = fieldsOf(body)
  return fields === undefined ? undefined : chatError(statusOf(fields), fields)
}

/** The error that a provider answered with, of whatever shape; never an HTML page. */
export function errorAnswer(status: number, body: unknown): ChatError {
  const first: unknown = Array.isArray(body) ? body[0] : body
  return chatError(status, (isObject(first) && (fieldsOf(first) ?? looseFields(first))) || plainText(first))
}

function fieldsOf(body: JsonObject): JsonObject | undefined {
  if (isObject(body.error)) return body.error
  if (typeof body.error === 'string' && body.error !== '') return { message: body.error }
  return body.object === 'error' ? body : undefined
}

/** `{"message"}`, and FastAPI's `{"detail": "text" | [{"msg", "loc"}]}`. */
function looseFields(body: JsonObject): JsonObject {
  const detail = Array.isArray(body.detail) ? body.detail[0] : body.detail
  if (typeof detail === 'string') return { message: detail }
  if (isObject(detail)) {
    return {
      message: detail.msg,
      param: Array.isArray(detail.loc) ? detail.loc.map(text).join('.') : undefined,
    }
  }
  return body
}

function plainText(body: unknown): JsonObject {
  const text = typeof body === 'string' ? body.trim() : ''
  return text === '' || /^[<[{]/.test(text) || text.length > 1000 ? {} : { message: text }
}

function chatError(status: number, fields: JsonObject): ChatError {
  const details: ChatErrorDetails = { param: text(fields.param) ?? null, code: text(fields.code) ?? null }
  const type = text(fields.type)
  if (type !== undefined) details.type = type
  return new ChatError(status, text(fields.message) ?? `the provider answered with status ${status}`, details)
}

function statusOf(fields: JsonObject): number {
  for (const value of [fields.status, fields.code]) {
    const status = Number(value)
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status
  }
  return STATUS_OF_TYPE.get(fields.code) ?? STATUS_OF_TYPE.get(fields.type) ?? 502
}

/** Compatible servers send numbers as codes. */
function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
