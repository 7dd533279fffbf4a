import type { AssistantMessage, ChatMessage, ToolCall, ToolMessage } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type JsonObject, parseJson } from '../../json.js'
import { unusedFields } from '../dropped.js'
import { argumentsObject } from '../tool-arguments.js'
import { convertContent, convertPart, textParts } from './content.js'
import type { ModelTraits } from './model.js'
import type { Content, FunctionCallPart, FunctionResponsePart, InlineDataPart, Part } from './types.js'

export interface Conversation {
  systemInstruction?: { parts: Part[] }
  contents: Content[]
}

/** Instead of a signature that the client lost: https://ai.google.dev/gemini-api/docs/thought-signatures#faqs */
const NO_SIGNATURE = 'skip_thought_signature_validator'

/**
 * What each role's messages are read for. `reasoning_content` and the like are an earlier answer's, sent back: the
 * provider does not ask for its summaries, and what it needs of them is in the signatures.
 */
const USED: Readonly<Record<ChatMessage['role'], ReadonlySet<string>>> = {
  system: new Set(['role', 'content']),
  developer: new Set(['role', 'content']),
  user: new Set(['role', 'content']),
  tool: new Set(['role', 'content', 'tool_call_id']),
  assistant: new Set(
    [
      ['role', 'content', 'refusal', 'tool_calls', 'extra_content'],
      ['reasoning_content', 'annotations', 'citations', 'grounding_metadata', 'url_context_metadata'],
    ].flat(),
  ),
}

/**
 * OpenAI's messages as a system instruction and contents. Neighbours of one role become one content; results of calls
 * stand in a content of their own, in the order of their calls: the API counts them against the calls, and Vertex,
 * which takes no ids, tells two calls of one function apart by nothing else.
 *
 * Source: https://ai.google.dev/gemini-api/docs/function-calling
 */
export function convertMessages(
  messages: ChatMessage[],
  traits: ModelTraits,
  withIds: boolean,
  dropped: string[],
): Conversation {
  const system: Part[] = []
  const contents: Content[] = []
  /** The calls so far by id; where turns use an id again, the last one to have it. */
  const calls = new Map<string, { name: string; order: number }>()
  let made = 0
  /** The results that answer the latest calls, until something else is said. */
  let results: { order: number; part: FunctionResponsePart }[] = []

  messages.forEach((message, i) => {
    const path = `messages[${i}]`
    if (!isObject(message)) throw ChatError.badRequest('a message must be an object', path)
    if (!Object.hasOwn(USED, message.role)) {
      throw ChatError.badRequest(`unknown role: ${JSON.stringify(message.role)}`, `${path}.role`)
    }
    dropped.push(...unusedFields(message, USED[message.role], path))
    if (message.role === 'tool') {
      results.push(toolResult(message, path))
      return
    }
    addResults()
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(...convertContent(message.content, `${path}.content`, dropped))
        break
      case 'user':
        addParts('user', convertContent(message.content, `${path}.content`, dropped))
        break
      case 'assistant':
        addParts('model', modelParts(message, path))
        break
    }
  })
  addResults()

  // Turns there must be, and a model without a system instruction is told as the user.
  if (system.length > 0 && traits.takesSystem && contents.length > 0) {
    return { systemInstruction: { parts: system }, contents }
  }
  if (system.length > 0) contents.unshift({ role: 'user', parts: system })
  return { contents }

  function addParts(role: Content['role'], parts: Part[]): void {
    if (parts.length === 0) return
    const last = contents.at(-1)
    if (last?.role === role && !last.parts.some((part) => 'functionResponse' in part))
      last.parts.push(...parts)
    else contents.push({ role, parts })
  }

  function addResults(): void {
    if (results.length === 0) return
    const parts = results.sort((a, b) => a.order - b.order).map((result) => result.part)
    contents.push({ role: 'user', parts })
    results = []
  }

  function modelParts(message: AssistantMessage, path: string): Part[] {
    const said = message.content == null ? [] : convertContent(message.content, `${path}.content`, dropped)
    const refused = textParts(message.refusal ?? '')
    const last = [...said, ...refused].at(-1)
    const signature = signatureOf(message.extra_content)
    if (last && 'text' in last && signature) last.thoughtSignature = signature
    return [...said, ...refused, ...(message.tool_calls ?? []).map((call, i) => functionCall(call, i, path))]
  }

  function functionCall(call: ToolCall, i: number, messagePath: string): FunctionCallPart {
    const path = `${messagePath}.tool_calls[${i}]`
    const { name } = call.function
    const args = argumentsObject(call, path)
    calls.set(call.id, { name, order: made++ })
    // Of parallel calls only the first is signed.
    const signature =
      signatureOf(call.extra_content) ?? (traits.needsSignatures && i === 0 ? NO_SIGNATURE : undefined)
    return {
      functionCall: { ...(withIds && { id: call.id }), name, args },
      ...(signature && { thoughtSignature: signature }),
    }
  }

  function toolResult(message: ToolMessage, path: string): (typeof results)[number] {
    const id = message.tool_call_id
    const call = calls.get(id)
    if (!call) {
      throw ChatError.badRequest(
        'a tool message must answer a tool call of an earlier message',
        `${path}.tool_call_id`,
      )
    }
    const { text, media } = result(message, `${path}.content`)
    const functionResponse = {
      ...(withIds && { id }),
      name: call.name,
      response: resultObject(text),
      ...(media.length > 0 && { parts: media }),
    }
    return { order: call.order, part: { functionResponse } }
  }

  /** https://ai.google.dev/gemini-api/docs/function-calling#multimodal: data only, and not of every model. */
  function result({ content }: ToolMessage, path: string): { text: string; media: InlineDataPart[] } {
    if (typeof content === 'string') return { text: content, media: [] }
    const texts: string[] = []
    const media: InlineDataPart[] = []
    const left: string[] = []
    content.forEach((item, i) => {
      const [part] = convertPart(item, `${path}[${i}]`, left)
      if (part && 'text' in part) texts.push(part.text)
      else if (part && 'inlineData' in part && traits.takesMediaResults) media.push(part)
      else if (part) left.push(`${path}[${i}]`)
    })
    if (texts.length + media.length === 0 && left.length > 0) {
      throw ChatError.badRequest('gemini cannot take any part of this result', path)
    }
    dropped.push(...left)
    return { text: texts.join(''), media }
  }
}

/** A result has to be an object; under `output` is where the API looks for any other. */
function resultObject(text: string): JsonObject {
  const value = parseJson(text)
  if (isObject(value)) return value
  return { output: Array.isArray(value) ? value : text }
}

/** Where OpenAI's clients of Google's API find and return it: `extra_content.google.thought_signature`. */
function signatureOf(extra: JsonObject | undefined): string | undefined {
  const google = isObject(extra) ? extra.google : undefined
  const signature = isObject(google) ? google.thought_signature : undefined
  return typeof signature === 'string' && signature !== '' ? signature : undefined
}
