import { isObject, type Json, type JsonObject } from '../json.js'
import { Tally } from './tally.js'

/** Around each message, whatever the API. */
const MESSAGE = 4

/** Members in which one API or another has what the model reads. Data of images, settings and names are none. */
const TEXTS = new Set(
  (
    'text content prompt input inputs query documents message thinking ' +
    'system instructions preamble arguments output'
  ).split(' '),
)
/** Members whose objects the model reads as JSON: definitions of tools, arguments of calls, results. */
const OBJECTS = new Set(['tools', 'toolConfig', 'input', 'args', 'response', 'json'])

/**
 * The prompt of a request in the format of an API that is not OpenAI's chat or completions: all texts in it and a few tokens
 * for each message, which is right to about a tenth for text, and leaves images out.
 */
export function otherPromptTally(body: JsonObject): Tally {
  const tally = new Tally()
  for (const [member, value] of Object.entries(body)) add(tally, member, value)
  return tally
}

function add(tally: Tally, member: string, value: Json | undefined): void {
  if (typeof value === 'string') {
    if (TEXTS.has(member)) tally.text(value)
  } else if (Array.isArray(value) && member !== 'tools') {
    for (const item of value) add(tally, member, item)
  } else if (Array.isArray(value) || (isObject(value) && OBJECTS.has(member) && value.role === undefined)) {
    tally.text(JSON.stringify(value))
  } else if (isObject(value)) {
    if (typeof value.role === 'string') tally.tokens += MESSAGE
    for (const [name, inner] of Object.entries(value)) add(tally, name, inner)
  }
}
