import type { Usage } from '../../lib/llm/chat.js'
import type { JsonObject } from '../../lib/llm/json.js'
import { isObject } from '../../lib/llm/json.js'
import type { Begun } from '../../lib/llm/unfinished.js'
import { ErrorAnswer } from './error-answer.js'
import type { AnswerPayload } from './payload.js'
import type { ClientCall } from './request.js'
import type { AiExchange } from './run.js'
import type { AiProxyConfig } from './schema.js'

/** A stream that broke off, for another target to go on with (`balancer.failover_after_first_delta`). */
export interface Beginning extends Begun {
  /** What it said, in whole characters. */
  readonly text: string
  /** By the prices of the targets that said it. */
  readonly cost: number
  readonly firstOutput: number | undefined
  readonly payload: AnswerPayload | undefined
}

/** Whether streams of this config are made to be taken up. What other routes stream is not ours to read, or no conversation. */
export function takesUp({ balancer, route_type, llm_format }: AiProxyConfig): boolean {
  const isChat = route_type === 'llm/v1/chat' && llm_format === 'openai'
  return balancer?.failover_after_first_delta === true && isChat
}

/**
 * Whether another target can be asked though something has gone to the client: where that is nothing of an answer, or nothing but
 * text. A model that is to call tools or to keep to a schema would not do so in the middle of a text.
 */
export function canGoOn({ answer, call }: AiExchange): boolean {
  if (!answer || answer instanceof ErrorAnswer) return true
  const { unfinished } = answer
  return unfinished !== undefined && (unfinished.text === '' || isPlainRequest(call))
}

function isPlainRequest({ body: { n, tools, functions, response_format: format } }: ClientCall): boolean {
  const isText = !isObject(format) || format.type === 'text'
  return (n ?? 1) === 1 && isEmpty(tools) && isEmpty(functions) && isText
}

function isEmpty(list: unknown): boolean {
  return !Array.isArray(list) || list.length === 0
}

/**
 * Half of a character, whose other half never came. The client has it and keeps it: the next provider, which is not told of it, says
 * the character whole.
 */
const HALF = /[\ud800-\udbff]$/

/** What the client has of a stream that broke off; that of an earlier one stays where this one added nothing. */
export async function beginningOf(
  { answer, watched, firstOutput, payload }: AiExchange,
  earlier: Beginning | undefined,
): Promise<Beginning | undefined> {
  const unfinished = answer?.unfinished
  if (!answer || !unfinished?.identity) return earlier
  await watched.settle()
  const { usage, estimated = false } = answer.facts
  return {
    text: (earlier?.text ?? '') + unfinished.text.replace(HALF, ''),
    identity: unfinished.identity,
    usage,
    estimated,
    cost: watched.cost,
    firstOutput,
    payload: payload?.answer,
  }
}

/** Not every model takes a last message of the assistant's for the beginning of its own. */
const GO_ON =
  'Your answer was cut off. Go on exactly where it ends: repeat nothing of it, introduce nothing, write only what follows.'

/** The request for the rest: the conversation with the answer so far, and room for as many tokens as are left. */
export function continued(body: JsonObject, { text, usage }: Beginning): JsonObject {
  if (text.trim() === '' || !Array.isArray(body.messages)) return body
  const messages = [...body.messages, { role: 'assistant', content: text }, { role: 'user', content: GO_ON }]
  return { ...body, ...roomLeft(body, usage), messages }
}

const LIMITS = ['max_tokens', 'max_completion_tokens']

function roomLeft(body: JsonObject, usage: Usage | undefined): JsonObject {
  const left: JsonObject = {}
  for (const name of LIMITS) {
    const limit = body[name]
    if (typeof limit === 'number') left[name] = Math.max(1, limit - (usage?.completion_tokens ?? 0))
  }
  return left
}
