import type { FinishReason } from '../chat.js'
import type { Json, JsonObject } from '../json.js'
import type { Identity } from '../unfinished.js'
import { AnswerSink } from './answer-sink.js'
import type { WholeSink } from './format.js'

interface Choice {
  text: string
  refusal: string
  reasoning: string
  calls: Map<number, { id: string; name: string; args: string; extra: JsonObject | undefined }>
  logprobs: Json[]
  extras: Map<string, Json>
}

/**
 * Collects an answer into one `chat.completion` object: for unstreamed answers, for logs, and for tests.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat/object
 */
export class ChatWholeSink extends AnswerSink implements WholeSink {
  protected readonly idPrefix = 'chatcmpl-'
  private readonly choices: Choice[] = []

  body(): JsonObject {
    return {
      ...identityMembers('chat.completion', this.identity),
      choices: this.choices.map((choice, index) => ({
        index,
        message: message(choice),
        logprobs: choice.logprobs.length === 0 ? null : { content: choice.logprobs, refusal: null },
        finish_reason: this.finishReasons[index] ?? null,
      })),
      ...(this.lastUsage === undefined ? {} : { usage: { ...this.lastUsage } }),
    }
  }

  protected writeChoice(choice: number): void {
    this.choices[choice] = {
      text: '',
      refusal: '',
      reasoning: '',
      calls: new Map(),
      logprobs: [],
      extras: new Map(),
    }
  }

  protected writeText(choice: number, text: string): void {
    this.choices[choice]!.text += text
  }

  protected writeRefusal(choice: number, text: string): void {
    this.choices[choice]!.refusal += text
  }

  protected writeReasoning(choice: number, text: string): void {
    this.choices[choice]!.reasoning += text
  }

  protected writeToolStart(
    choice: number,
    call: number,
    id: string,
    name: string,
    extra: JsonObject | undefined,
  ): void {
    this.choices[choice]!.calls.set(call, { id, name, args: '', extra })
  }

  protected writeToolArgs(choice: number, call: number, text: string): void {
    const started = this.choices[choice]!.calls.get(call)
    if (started !== undefined) started.args += text
  }

  protected writeLogprobs(choice: number, content: Json[]): void {
    this.choices[choice]!.logprobs.push(...content)
  }

  protected writeExtra(choice: number, field: string, value: Json): void {
    addExtra(this.choices[choice]!.extras, field, value)
  }

  protected writeFinish(_choice: number, _reason: FinishReason): void {}

  protected writeEnd(): void {}

  protected writeError(): void {}
}

/** Arrays append, anything else replaces. */
export function addExtra(extras: Map<string, Json>, field: string, value: Json): void {
  const present = extras.get(field)
  if (!Array.isArray(value)) extras.set(field, value)
  else if (Array.isArray(present)) for (const item of value) present.push(item)
  else extras.set(field, [...value])
}

/** The members that an answer's objects begin with. */
export function identityMembers(object: string, identity: Identity | undefined): JsonObject {
  return {
    id: identity?.id ?? '',
    object,
    created: identity?.created ?? 0,
    model: identity?.model ?? '',
    ...(identity?.serviceTier === undefined ? {} : { service_tier: identity.serviceTier }),
    ...(identity?.systemFingerprint === undefined ? {} : { system_fingerprint: identity.systemFingerprint }),
  }
}

function message(choice: Choice): JsonObject {
  const silent = choice.text === '' && (choice.calls.size > 0 || choice.refusal !== '')
  const body: JsonObject = {
    role: 'assistant',
    content: silent ? null : choice.text,
    refusal: choice.refusal === '' ? null : choice.refusal,
  }
  if (choice.reasoning !== '') body.reasoning_content = choice.reasoning
  for (const [field, value] of choice.extras) body[field] = value
  if (choice.calls.size > 0) {
    body.tool_calls = [...choice.calls.entries()]
      .sort(([a], [b]) => a - b)
      .map(([, { id, name, args, extra }]) => {
        const call: JsonObject = { id, type: 'function', function: { name, arguments: args } }
        if (extra !== undefined) call.extra_content = extra
        return call
      })
  }
  return body
}
