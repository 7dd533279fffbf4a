import { randomBytes } from 'node:crypto'
import { decodeArguments, encodeArguments } from './arguments.js'
import { expectType, luaType } from './lua.js'
import { PdkError } from './method.js'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const MULTIPART = 'multipart/form-data'

/**
 * A body as Kong's `get_body` parses it: JSON objects and lists, forms (a repeated field is a list, one without a value true),
 * multipart forms (a file's content as text). undefined for everything else.
 */
export async function decodeBody(
  bytes: Buffer,
  contentType: string | undefined,
  maxArgs: number,
): Promise<unknown> {
  const type = contentType?.toLowerCase() ?? ''
  if (type.startsWith(FORM)) return decodeArguments(bytes.toString(), maxArgs)
  if (type.startsWith(JSON_TYPE)) return decodeJson(bytes.toString())
  if (type.startsWith(MULTIPART)) return decodeMultipart(bytes, contentType!)
  return undefined
}

function decodeJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

async function decodeMultipart(bytes: Buffer, contentType: string): Promise<unknown> {
  const fields: Record<string, string | string[]> = Object.create(null)
  try {
    const form = await new Response(new Uint8Array(bytes), {
      headers: { 'content-type': contentType },
    }).formData()
    for (const name of new Set(form.keys())) {
      const values = await Promise.all(
        form.getAll(name).map(async (v) => (typeof v === 'string' ? v : v.text())),
      )
      fields[name] = values.length === 1 ? values[0]! : values
    }
    return fields
  } catch {
    return undefined
  }
}

/**
 * The opposite: a body of the given type, and the type with its boundary.
 * @throws PdkError for another type, or values which it cannot hold
 */
export function encodeBody(args: object, type: string): { body: string; type: string } {
  switch (type.split(';', 1)[0]) {
    case FORM:
      return { body: encodeArguments(args), type }
    case JSON_TYPE:
      return { body: JSON.stringify(args), type }
    case MULTIPART:
      return encodeMultipart(args, type)
    default:
      throw new PdkError(`unsupported content type ${type}`)
  }
}

function encodeMultipart(args: object, type: string): { body: string; type: string } {
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1] ?? randomBytes(16).toString('hex')
  const parts = Object.entries(args).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new PdkError(
        `invalid value ${JSON.stringify(name)}: got ${luaType(value)}, expected string, number or boolean`,
      )
    }
    return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  })
  return { body: `${parts.sort().join('')}--${boundary}--\r\n`, type: `${MULTIPART}; boundary=${boundary}` }
}

/** What `setRawBody` and `exit` take as bytes. */
export function bodyBytes(body: string | Uint8Array): Buffer | string {
  if (body instanceof Uint8Array) return Buffer.isBuffer(body) ? body : Buffer.from(body)
  expectType(body, 'string', 'body')
  return body
}
