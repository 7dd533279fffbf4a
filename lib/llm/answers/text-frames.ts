import { choiceIndex, isText } from '../formats/read.js'
import { isObject, type JsonObject } from '../json.js'

const CONTENT = /"content"\s*:\s*"/g
/** OpenAI pads its chunks to hide how long a token is: the last member, different each time. */
const PADDING = /"obfuscation"\s*:\s*"(?=[^"\\]*"\}$)/
const NEEDS_PARSING = /[\\\x00-\x1f]/

/**
 * Knows the frames of a stream that say a piece of text and nothing else: nearly all, and within a stream they differ in
 * that text alone. One of them is parsed and learnt; its like need no `JSON.parse`, which is more than half of what a
 * frame costs that passes. Exact: outside the text (and the padding) every character is that of the parsed one.
 */
export class TextFrames {
  choice = 0
  /** What stands before the text, opening quote included; `''`: nothing has been learnt. */
  private before = ''
  /** What stands behind it, closing quote first, to the end or into the padding. */
  private after = ''
  private padded = false

  /** The frame's text; `undefined` if it is not like the one learnt, or only parsing can tell. */
  read(data: string): string | undefined {
    const { before, after } = this
    if (before === '' || !has(data, before, 0)) return undefined
    const end = data.indexOf('"', before.length)
    if (end === -1 || !has(data, after, end)) return undefined
    const rest = end + after.length
    if (this.padded ? !isPadding(data, rest) : rest !== data.length) return undefined
    const text = data.slice(before.length, end)
    return NEEDS_PARSING.test(text) ? undefined : text
  }

  /** `chunk` is what `data` was parsed to. */
  learn(data: string, chunk: JsonObject): void {
    const said = onlyText(chunk)
    const places = said && [...data.matchAll(CONTENT)]
    // Another `content` somewhere might be the one that counts.
    if (said === undefined || places?.length !== 1) return
    const [place] = places
    const start = place!.index + place![0].length
    const end = data.indexOf('"', start)
    if (data.slice(start, end) !== said.text) return
    const after = data.slice(end)
    const padding = PADDING.exec(after)
    this.choice = said.choice
    this.before = data.slice(0, start)
    this.after = padding ? after.slice(0, padding.index + padding[0].length) : after
    this.padded = padding !== null
  }
}

/** `startsWith` compares character by character, which takes three times as long. */
function has(data: string, part: string, at: number): boolean {
  return data.slice(at, at + part.length) === part
}

/** The padding's value and the end of the object. */
function isPadding(data: string, from: number): boolean {
  const end = data.length - 2
  return data.indexOf('"', from) === end && data.endsWith('}') && !NEEDS_PARSING.test(data.slice(from, end))
}

/** The text of a chunk in which nothing else means anything. */
function onlyText(chunk: JsonObject): { choice: number; text: string } | undefined {
  const { choices, usage, error, x_groq: groq } = chunk
  if (isSet(usage) || isSet(error) || isSet(groq) || chunk.object === 'error') return undefined
  const [choice, ...others] = Array.isArray(choices) ? choices : []
  if (!isObject(choice) || others.length > 0 || !isObject(choice.delta)) return undefined
  if (isSet(choice.finish_reason) || isSet(choice.logprobs)) return undefined
  const { content, role: _, ...more } = choice.delta
  if (!isText(content) || Object.values(more).some(isSet)) return undefined
  return { choice: choiceIndex(choice, 0), text: content }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}
