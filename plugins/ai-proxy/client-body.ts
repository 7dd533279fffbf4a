import { isObject, parseJson, type Json, type JsonObject } from '../../lib/llm/json.js'
import type { Outline } from '../../lib/llm/json-outline.js'

/** A client's body as a request object. */
export interface ClientBody {
  /** Empty where the body is none. */
  readonly fields: JsonObject
  /** The body is these fields as JSON, so that its own bytes can go on. */
  readonly isJson: boolean
  /** The JSON that `fields` were read from. */
  readonly text?: string
  /** Where `fields` lack the long strings: all of them. */
  readonly whole?: () => JsonObject
}

const NONE: ClientBody = { fields: {}, isJson: false }

/**
 * Reads a client's body by its content type (JSON where there is none), as Kong does: JSON, or the fields of a form.
 * Anything else is an empty request.
 */
export function readClientBody(
  body: Buffer,
  contentType: string | undefined,
): ClientBody | Promise<ClientBody> {
  if (isJsonBody(contentType)) return ofJson(body)
  const type = contentType!.trim().toLowerCase()
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return ofForm(new URLSearchParams(body.toString()))
  }
  return type.startsWith('multipart/form-data') ? readMultipart(body, contentType!) : NONE
}

export function isJsonBody(contentType: string | undefined): boolean {
  return contentType === undefined || JSON_TYPE.test(contentType)
}

const JSON_TYPE = /^\s*application\/json/i

function ofJson(body: Buffer): ClientBody {
  const text = body.toString()
  const parsed = parseJson(text)
  return isObject(parsed) ? { fields: parsed, isJson: true, text } : NONE
}

/** A JSON body of which only the outline has been read yet. */
export function outlinedBody(body: Buffer, { fields, text }: Outline): ClientBody {
  let whole: JsonObject | undefined
  return { fields, isJson: true, text, whole: () => (whole ??= ofJson(body).fields) }
}

/** A JSON object with further fields behind its own, of which it has some. */
export function textWith(fields: JsonObject, text: string): string {
  return text.slice(0, text.lastIndexOf('}')) + behind(fields)
}

/** The same of its bytes. */
export function bytesWith(fields: JsonObject, bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, bytes.lastIndexOf('}')), Buffer.from(behind(fields))])
}

function behind(fields: JsonObject): string {
  return `,${JSON.stringify(fields).slice(1)}`
}

async function readMultipart(body: Buffer, contentType: string): Promise<ClientBody> {
  try {
    return ofForm(await new Response(body, { headers: { 'content-type': contentType } }).formData())
  } catch {
    return NONE
  }
}

/** Fields that are text, whatever stands in them. */
const TEXT = new Set(['model', 'prompt', 'suffix', 'stop', 'user'])

/** A form knows text only: what is JSON in it (`true`, `16`, a list of messages) is meant so. Files are no fields. */
function ofForm(form: Iterable<[string, unknown]>): ClientBody {
  const fields: [string, Json][] = []
  for (const [name, value] of form) {
    if (typeof value === 'string') fields.push([name, TEXT.has(name) ? value : (parseJson(value) ?? value)])
  }
  return { fields: Object.fromEntries(fields), isJson: false }
}
