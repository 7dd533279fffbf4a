import { ChatError, type ChatErrorDetails } from '../../errors.js'
import { isObject, type Json } from '../../json.js'
import { lookup } from '../lookup.js'

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors */
const STATUS_OF_EXCEPTION: Readonly<Record<string, number>> = {
  validationexception: 400,
  accessdeniedexception: 403,
  resourcenotfoundexception: 404,
  modeltimeoutexception: 408,
  modelerrorexception: 424,
  modelstreamerrorexception: 424,
  throttlingexception: 429,
  modelnotreadyexception: 429,
  servicequotaexceededexception: 400,
  internalserverexception: 500,
  serviceunavailableexception: 503,
}

/** The client's statuses for what was not its fault. */
const NOT_THE_CLIENT: Readonly<Record<number, ChatErrorDetails>> = {
  408: { type: 'server_error' },
  424: { type: 'server_error' },
}

/** The provider's answer of an error status. */
export function convertError(status: number, body: unknown): ChatError {
  const fields = isObject(body) ? body : {}
  // `com.amazon.coral.service#ValidationException`; in most answers only a header names it.
  const type = typeof fields.__type === 'string' ? fields.__type.split('#').at(-1) : undefined
  return exception(status, type, fields)
}

/** An exception inside a stream that began with 200: the status that it would have had as an answer of its own. */
export function convertException(name: string, payload: unknown): ChatError {
  return exception(
    lookup(STATUS_OF_EXCEPTION, name.toLowerCase()) ?? 500,
    name,
    isObject(payload) ? payload : {},
  )
}

function exception(
  status: number,
  name: string | undefined,
  fields: { [field: string]: Json | undefined },
): ChatError {
  const message = [fields.message, fields.Message, fields.originalMessage].find(
    (text) => typeof text === 'string' && text !== '',
  )
  return new ChatError(
    status,
    typeof message === 'string' ? message : `bedrock answered with status ${status}`,
    {
      code: name === undefined || name === '' ? null : name,
      ...NOT_THE_CLIENT[status],
    },
  )
}
