import type { FinishReason } from '../../chat.js'
import { ChatError, errorObject } from '../../errors.js'
import { choiceIndex, isText } from '../../formats/read.js'
import { speak, type Spoken } from '../../frames/text-run.js'
import { newId } from '../../ids.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import type { AnswerMeta, Sink } from '../../sink.js'
import { blockedPrompt, convertStreamError } from './error.js'
import { mapFinishReason } from './finish.js'
import { convertLogprobs } from './logprobs.js'
import { convertUsage } from './usage.js'

interface Candidate {
  /** Calls made so far. */
  calls: number
  /** Told at the end only: older models name one with every piece of the answer. */
  finish: FinishReason | undefined
}

/**
 * One answer told to a sink, in one piece or in many: a stream consists of the same objects as a whole answer is one
 * of, each with the parts that are new.
 *
 * Extras of the message, beside text, reasoning and tool calls:
 * - `extra_content.google.thought_signature`: of the text, to be sent back with it; a call carries its own.
 * - `images`: pictures that the model made, in the form of OpenAI's image parts with a data URL.
 * - `code_execution`: code that the provider ran and what came of it, as it came.
 * - `citations`: Google's citation sources; `grounding_metadata`, `url_context_metadata`: as they came, the last one.
 *
 * Source: https://ai.google.dev/api/generate-content#GenerateContentResponse
 */
export class GenerateContentAnswer {
  readonly #sink: Sink
  readonly #candidates = new Map<number, Candidate>()
  /** What makes the ids of this answer's calls its own, where the API gives them none. */
  #id: string | undefined
  #state: 'new' | 'started' | 'closed' = 'new'

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Takes the whole answer or the next piece of it; false if it says nothing that is known. */
  add(response: JsonObject): Spoken | boolean {
    if (this.#state === 'closed') return true
    if (errorObject(response)) {
      this.#fail(convertStreamError(response))
      return true
    }
    const { candidates, promptFeedback, usageMetadata } = response
    if (!Array.isArray(candidates) && !isObject(promptFeedback) && !isObject(usageMetadata)) return false
    if (this.#state === 'new') this.#start(response)
    const usage = convertUsage(usageMetadata)
    if (usage) this.#sink.usage(usage)
    if (isObject(promptFeedback) && promptFeedback.blockReason !== undefined) {
      this.#fail(blockedPrompt(promptFeedback))
      return true
    }
    if (Array.isArray(candidates)) {
      candidates.filter(isObject).forEach((candidate, i) => this.#addCandidate(candidate, i))
    }
    return this.#spoken(candidates) ?? true
  }

  /** Of a piece with one text and nothing else: to be told the same usage twice does no harm. */
  #spoken(candidates: Json | undefined): Spoken | undefined {
    const [candidate, ...others] = Array.isArray(candidates) ? candidates : []
    if (others.length > 0 || !isObject(candidate) || !isObject(candidate.content)) return undefined
    const [part, ...rest] = Array.isArray(candidate.content.parts) ? candidate.content.parts : []
    if (rest.length > 0 || !isObject(part) || !isText(part.text)) return undefined
    if (!hasOnly(candidate, TEXT_CANDIDATE) || !hasOnly(part, TEXT_PART)) return undefined
    const choice = choiceIndex(candidate, 0)
    const sayAll =
      part.thought === true ? undefined : (texts: readonly string[]) => this.#sink.texts(choice, texts)
    return { text: part.text, say: this.#sayer(choice, part), sayAll }
  }

  /**
   * Nothing more comes. `unnamed` is the finish reason of a candidate without one; if there is none, such an answer was
   * broken off.
   */
  end(unnamed?: FinishReason): void {
    if (this.#state === 'closed') return
    const finishes = [...this.#candidates].map(([choice, { finish }]) => ({
      choice,
      finish: finish ?? unnamed,
    }))
    if (finishes.length === 0 || finishes.some(({ finish }) => finish === undefined)) {
      this.#fail(ChatError.badUpstream('gemini ended its answer before it was complete', 'incomplete_answer'))
      return
    }
    this.#state = 'closed'
    for (const { choice, finish } of finishes) if (finish) this.#sink.finish(choice, finish)
    this.#sink.done()
  }

  fail(message: string, code: string): void {
    if (this.#state !== 'closed') this.#fail(ChatError.badUpstream(message, code))
  }

  #fail(error: ChatError): void {
    this.#state = 'closed'
    this.#sink.error(error)
  }

  #start({ responseId, modelVersion, createTime }: JsonObject): void {
    this.#state = 'started'
    const created = typeof createTime === 'string' ? Math.floor(Date.parse(createTime) / 1000) : Number.NaN
    if (typeof responseId === 'string' && responseId !== '') this.#id = responseId
    const meta: AnswerMeta = {}
    if (this.#id !== undefined) meta.id = this.#id
    if (typeof modelVersion === 'string') meta.model = modelVersion
    if (Number.isFinite(created)) meta.created = created
    this.#sink.start(meta)
  }

  #addCandidate(candidate: JsonObject, position: number): void {
    const choice = choiceIndex(candidate, position)
    const state = this.#candidates.get(choice) ?? { calls: 0, finish: undefined }
    this.#candidates.set(choice, state)

    const parts = isObject(candidate.content) ? candidate.content.parts : undefined
    if (Array.isArray(parts)) for (const part of parts) if (isObject(part)) this.#addPart(choice, state, part)
    if (isObject(candidate.logprobsResult))
      this.#sink.logprobs(choice, convertLogprobs(candidate.logprobsResult))
    this.#addSources(choice, candidate)

    const reason = candidate.finishReason
    if (typeof reason !== 'string') return
    const finish = mapFinishReason(reason)
    if (finish !== 'failed') {
      state.finish = finish
      return
    }
    const message =
      typeof candidate.finishMessage === 'string' ? candidate.finishMessage : 'the model failed to answer'
    this.fail(`${message} (${reason})`, reason.toLowerCase())
  }

  #addPart(choice: number, state: Candidate, part: JsonObject): void {
    if (isObject(part.functionCall)) {
      this.#addCall(choice, state, part.functionCall, part.thoughtSignature)
      return
    }
    if (typeof part.text === 'string') {
      speak(part.text, this.#sayer(choice, part))
    } else if (isObject(part.inlineData) && typeof part.inlineData.data === 'string') {
      const { mimeType, data } = part.inlineData
      const url = `data:${typeof mimeType === 'string' ? mimeType : 'image/png'};base64,${data}`
      this.#sink.extra(choice, 'images', [{ type: 'image_url', image_url: { url } }])
    } else if (part.executableCode !== undefined || part.codeExecutionResult !== undefined) {
      this.#sink.extra(choice, 'code_execution', [part])
    }
    if (typeof part.thoughtSignature === 'string') {
      this.#sink.extra(choice, 'extra_content', signed(part.thoughtSignature))
    }
  }

  #sayer(choice: number, { thought }: JsonObject): Spoken['say'] {
    return thought === true
      ? (text) => this.#sink.reasoning(choice, text)
      : (text) => this.#sink.text(choice, text)
  }

  /** A call comes whole. */
  #addCall(
    choice: number,
    state: Candidate,
    { id, name, args }: JsonObject,
    signature: Json | undefined,
  ): void {
    if (typeof name !== 'string' || name === '') return
    const call = state.calls++
    const hasId = typeof id === 'string' && id !== ''
    const extra = typeof signature === 'string' ? signed(signature) : undefined
    this.#sink.toolStart(choice, call, hasId ? id : this.#callId(choice, call), name, extra)
    this.#sink.toolArgs(choice, call, JSON.stringify(args ?? {}))
  }

  #callId(choice: number, call: number): string {
    this.#id ??= newId('')
    return `call_${this.#id}_${choice}_${call}`
  }

  #addSources(choice: number, candidate: JsonObject): void {
    const { citationMetadata, groundingMetadata, urlContextMetadata } = candidate
    // The public API and Vertex name the list differently.
    const sources = isObject(citationMetadata)
      ? (citationMetadata.citationSources ?? citationMetadata.citations)
      : []
    if (Array.isArray(sources) && sources.length > 0) this.#sink.extra(choice, 'citations', sources)
    if (isObject(groundingMetadata)) this.#sink.extra(choice, 'grounding_metadata', groundingMetadata)
    if (isObject(urlContextMetadata)) this.#sink.extra(choice, 'url_context_metadata', urlContextMetadata)
  }
}

const TEXT_CANDIDATE = new Set(['content', 'index'])
const TEXT_PART = new Set(['text', 'thought'])

function hasOnly(value: JsonObject, fields: ReadonlySet<string>): boolean {
  return Object.keys(value).every((field) => fields.has(field))
}

function signed(signature: string): JsonObject {
  return { google: { thought_signature: signature } }
}
