import { randomUUID } from 'node:crypto'

/** An id in OpenAI's manner, for what a provider gave none: `chatcmpl-5e0c...`, `call_...`. */
export function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '')
}
