import { isObject, parseJson, type JsonObject } from './json.js'

/** A JSON object without its long strings. */
export interface Outline {
  /** Where a long string was, there is an empty one. */
  readonly fields: JsonObject
  /** What `fields` were read from. */
  readonly text: string
}

/** Shorter strings are sooner parsed than left out. Bytes. */
const LONG = 256
/** By here half of the text should have been left out. Bytes. */
const TRIAL = 32 * 1024

/**
 * Reads a large JSON object but for its long strings, in a small part of the time that parsing it all takes: whoever asks
 * for its structure and its short values need not have megabytes of text decoded and copied. What is in the long strings is
 * not looked at, not even whether it is JSON.
 *
 * @returns undefined where that gains nothing, and for what is no JSON object
 */
export function outlineOf(json: Buffer): Outline | undefined {
  let text = ''
  let from = 0
  let left = 0
  for (let at = json.indexOf(QUOTE); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    const end = endOfString(json, at + 1)
    if (end === -1) return undefined
    if (end - at > LONG) {
      // A part begins and ends with a quotation mark, never inside a character.
      text += json.toString('utf8', from, at + 1)
      from = end
      left += end - at - 1
    }
    at = end
    if (at > TRIAL && left < at / 2) return undefined
  }
  text += json.toString('utf8', from)
  const fields = parseJson(text)
  return isObject(fields) ? { fields, text } : undefined
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** @returns the place of the quotation mark that ends the string, -1 where none does */
function endOfString(json: Buffer, from: number): number {
  let quote = json.indexOf(QUOTE, from)
  while (quote !== -1 && isEscaped(json, quote)) quote = json.indexOf(QUOTE, quote + 1)
  return quote
}

/** After an odd number of backslashes. Those of one run are never before two marks: all in all each is looked at once. */
function isEscaped(json: Buffer, place: number): boolean {
  let before = place - 1
  while (json[before] === BACKSLASH) before--
  return (place - 1 - before) % 2 === 1
}
