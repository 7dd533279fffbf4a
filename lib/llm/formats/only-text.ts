import { choiceIndex, isText } from './read.js'
import type { Spoken } from '../frames/text-run.js'
import { isObject, type JsonObject } from '../json.js'
import type { Sink } from '../sink.js'

/** What a chunk of a chat completion said, where nothing else in it means anything. */
export function onlyText(chunk: JsonObject, sink: Sink): Spoken | undefined {
  const { choices, usage, error, x_groq: groq } = chunk
  if (isSet(usage) || isSet(error) || isSet(groq) || chunk.object === 'error') return undefined
  const [choice, ...others] = Array.isArray(choices) ? choices : []
  if (!isObject(choice) || others.length > 0 || !isObject(choice.delta)) return undefined
  if (isSet(choice.finish_reason) || isSet(choice.logprobs)) return undefined
  const { content, role: _, ...more } = choice.delta
  if (!isText(content) || Object.values(more).some(isSet)) return undefined
  const index = choiceIndex(choice, 0)
  return {
    text: content,
    say: (text) => sink.text(index, text),
    sayAll: (texts) => sink.texts(index, texts),
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}
