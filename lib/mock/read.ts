import { isObject, type Json, type JsonObject } from '../llm/json.js'

// Readers of request bodies: each answers with what it looks for, or with nothing of its kind.

export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** A list of strings; a single string is a list of one. */
export function strings(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

export function string(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** The text of a message's content: a string, or a list of parts with a `text` each. */
export function text(content: Json | undefined): string {
  if (typeof content === 'string') return content
  return objects(content)
    .map((part) => string(part.text) ?? '')
    .join('')
}
