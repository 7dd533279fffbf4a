import { isObject, parseJson, type JsonObject } from '../../lib/llm/json.js'

/**
 * The request object of a client's body, by its content type (JSON where there is none), as Kong reads it: JSON, or the
 * fields of a form. Anything else is an empty request.
 */
export async function readClientBody(body: Buffer, contentType: string | undefined): Promise<JsonObject> {
  const type = (contentType ?? 'application/json').trim().toLowerCase()
  if (type.startsWith('application/json')) {
    const parsed = parseJson(body.toString())
    return isObject(parsed) ? parsed : {}
  }
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(body.toString()))
  }
  if (type.startsWith('multipart/form-data')) return await readMultipart(body, contentType!)
  return {}
}

async function readMultipart(body: Buffer, contentType: string): Promise<JsonObject> {
  try {
    const form = await new Response(body, { headers: { 'content-type': contentType } }).formData()
    return Object.fromEntries(
      [...form].filter((field): field is [string, string] => typeof field[1] === 'string'),
    )
  } catch {
    return {}
  }
}
