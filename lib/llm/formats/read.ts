import type { JsonObject } from '../json.js'
import type { AnswerMeta } from '../sink.js'

/** OpenAI allows 128 choices; an index beyond is none. */
const MAX_CHOICES = 128

/** What an answer's or a chunk's top level says of the answer. Empty values, as Azure's first chunk has, say nothing. */
export function readMeta(body: JsonObject): AnswerMeta {
  const meta: AnswerMeta = {}
  if (isText(body.id)) meta.id = body.id
  if (isText(body.model)) meta.model = body.model
  if (typeof body.created === 'number' && body.created > 0) meta.created = Math.floor(body.created)
  if (isText(body.system_fingerprint)) meta.systemFingerprint = body.system_fingerprint
  if (isText(body.service_tier)) meta.serviceTier = body.service_tier
  return meta
}

/** The choice's number; its place in the list where it names none. */
export function choiceIndex(choice: JsonObject, place: number): number {
  const { index } = choice
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < MAX_CHOICES
    ? index
    : place % MAX_CHOICES
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
