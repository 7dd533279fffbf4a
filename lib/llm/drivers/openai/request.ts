import type { NativeRoute, Target } from '../../driver.js'
import { copyOf, isObject, type Json, type JsonObject } from '../../json.js'
import { asksForNothing } from '../dropped.js'
import { adaptMessages } from './messages.js'
import type { Quirks } from './quirks.js'

interface PreparedBody {
  /** The given body itself where nothing changes. */
  body: JsonObject
  changed: boolean
  /** Fields that the given body lacks, where they are all that changes. */
  added: JsonObject | undefined
  dropped: string[]
}

/**
 * An OpenAI request with what target, config and quirks change in it; every other field stays, known or not. `model`
 * is the name in the body, where that is not the target's.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 */
export function prepareBody(
  body: JsonObject,
  target: Target,
  route: NativeRoute,
  quirks: Quirks,
  model = target.model,
): PreparedBody {
  const edit = new Edit(body)
  if (model !== '') edit.set('model', model)
  setStream(edit, target, quirks)
  setLimit(edit, target, route, quirks)
  setSampling(edit, target, quirks)
  setMessages(edit, quirks)
  for (const field of quirks.unsupported ?? []) edit.drop(field)
  if (quirks.renamed) for (const [field, name] of Object.entries(quirks.renamed)) edit.rename(field, name)
  return edit.result()
}

/** Usage is asked for in every stream, whatever the client wants to see of it. */
function setStream(edit: Edit, target: Target, quirks: Quirks): void {
  const { stream, stream_options: options } = edit.body
  if (target.stream) edit.set('stream', true)
  else if (stream !== false) edit.remove('stream')
  if (!target.stream || quirks.noStreamOptions === true) edit.remove('stream_options')
  else if (!isObject(options)) edit.set('stream_options', { include_usage: true })
  else if (options.include_usage !== true) edit.set('stream_options', { ...options, include_usage: true })
}

/** The smaller limit of request and config, under the name that the model knows. */
function setLimit(edit: Edit, target: Target, route: NativeRoute, quirks: Quirks): void {
  const { max_tokens: asked, max_completion_tokens: askedNew } = edit.body
  const configured = target.options.max_tokens
  if (asked === undefined && askedNew === undefined && configured === undefined) return
  const limits = [asked, askedNew, configured].filter((limit) => typeof limit === 'number')
  if (limits.length === 0) return
  const onlyOld = route === 'llm/v1/completions' || quirks.noMaxCompletionTokens === true
  const useNew =
    !onlyOld && (typeof askedNew === 'number' || quirks.reasoningModels?.test(target.model) === true)
  edit.set(useNew ? 'max_completion_tokens' : 'max_tokens', Math.min(...limits))
  edit.remove(useNew ? 'max_tokens' : 'max_completion_tokens')
}

/** The request wins over the config. */
function setSampling(edit: Edit, target: Target, quirks: Quirks): void {
  const { temperature, top_p, top_k } = target.options
  edit.setDefault('temperature', temperature)
  edit.setDefault('top_p', top_p)
  if (quirks.topK === true) edit.setDefault('top_k', top_k)
  else edit.drop('top_k')
}

function setMessages(edit: Edit, quirks: Quirks): void {
  const { messages } = edit.body
  if (Array.isArray(messages)) edit.set('messages', adaptMessages(messages, quirks, edit.dropped))
}

/** Changes of a body that copy it only if they change something. */
class Edit {
  private copy: JsonObject | undefined
  private added: JsonObject | undefined
  private onlyAdds = true
  readonly dropped: string[] = []

  constructor(readonly body: JsonObject) {}

  set(field: string, value: Json): void {
    const present = this.body[field]
    if (present === value) return
    this.copy ??= copyOf(this.body)
    this.copy[field] = value
    this.added ??= {}
    this.added[field] = value
    if (present !== undefined) this.onlyAdds = false
  }

  setDefault(field: string, value: number | undefined): void {
    if (typeof value === 'number' && (this.body[field] ?? null) === null) this.set(field, value)
  }

  remove(field: string): void {
    if (this.body[field] === undefined) return
    this.copy ??= copyOf(this.body)
    delete this.copy[field]
    this.onlyAdds = false
  }

  /** Removes a field that the provider cannot express, and says so. */
  drop(field: string): void {
    const value = this.body[field]
    if (value === undefined) return
    if (!asksForNothing(field, value)) this.dropped.push(field)
    this.remove(field)
  }

  rename(field: string, name: string): void {
    const value = this.body[field] ?? null
    if (value !== null) this.set(name, value)
    this.remove(field)
  }

  result(): PreparedBody {
    const { copy, body, dropped } = this
    const added = this.onlyAdds ? this.added : undefined
    return { body: copy ?? body, changed: copy !== undefined, added, dropped }
  }
}
