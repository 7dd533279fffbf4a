import { isObject, parseJson, type Json, type JsonObject } from '../llm/json.js'
import { ask, MockError, type Ask, type MockApi } from './api.js'
import type { Answer, Choice, Piece } from './answer.js'
import { NDJSON, type MockFrame } from './framing.js'
import { toolOf, toolResult } from './openai.js'
import { number, object, objects, string, strings, text } from './read.js'

/** https://github.com/ollama/ollama/blob/main/docs/api.md, `/api/chat` */
export const ollamaChat: MockApi = {
  path: /\/api\/chat$/,
  read({ body }) {
    const messages = objects(body.messages)
    return ask({
      ...common(body),
      questions: [text(messages.findLast(({ role }) => role === 'user')?.content)],
      prompt: messages.map(({ content }) => text(content)),
      tools: objects(body.tools).map((tool) => toolOf(object(tool.function))),
      toolResult: toolResult(messages),
    })
  },
  whole: (ask, answer) => {
    const choice = answer.choices[0]!
    return { ...head(ask, answer), message: messageOf(choice), ...ending(answer, choice) }
  },
  *stream(ask, answer) {
    const choice = answer.choices[0]!
    const line = (message: JsonObject): MockFrame => ({
      data: { ...head(ask, answer), message: { role: 'assistant', content: '', ...message }, done: false },
    })
    for (const piece of choice.pieces) {
      if (piece.type === 'text') yield line({ content: piece.text })
      if (piece.type === 'reasoning') yield line({ thinking: piece.text })
      if (piece.type === 'tool') yield line({ tool_calls: callsOf(choice).slice(piece.call, piece.call + 1) })
    }
    const message = { role: 'assistant', content: '' }
    yield { data: { ...head(ask, answer), message, ...ending(answer, choice) }, closing: true }
  },
  error: ({ message }) => ({ body: { error: message } }),
  overloaded: { data: { error: 'server busy, please try again.  maximum pending requests exceeded' } },
}

/** The same page, `/api/generate` */
export const ollamaGenerate: MockApi = {
  ...ollamaChat,
  path: /\/api\/generate$/,
  read({ body }) {
    const prompt = string(body.prompt) ?? ''
    return ask({ ...common(body), questions: [prompt], prompt: [string(body.system) ?? '', prompt] })
  },
  whole: (ask, answer) => {
    const choice = answer.choices[0]!
    const thinking = choice.reasoning === '' ? undefined : choice.reasoning
    return { ...head(ask, answer), response: choice.text, thinking, ...ending(answer, choice) }
  },
  *stream(ask, answer) {
    const choice = answer.choices[0]!
    for (const piece of choice.pieces) {
      const said = saying(piece)
      if (said) yield { data: { ...head(ask, answer), ...said, done: false } }
    }
    yield { data: { ...head(ask, answer), response: '', ...ending(answer, choice) }, closing: true }
  },
}

function common(
  body: JsonObject,
): Pick<Ask, 'model' | 'maxTokens' | 'stop' | 'json' | 'reasoning' | 'framing'> {
  const model = string(body.model)
  if (!model) throw new MockError(400, 'model is required', 'model')
  const options = object(body.options)
  const limit = number(options.num_predict)
  return {
    model,
    maxTokens: limit !== undefined && limit > 0 ? limit : undefined,
    stop: strings(options.stop),
    json: jsonSchema(body.format),
    reasoning: body.think !== undefined && body.think !== false,
    framing: body.stream === false ? undefined : NDJSON,
  }
}

/** `format` is "json" or a schema. */
function jsonSchema(format: Json | undefined): JsonObject | undefined {
  if (isObject(format)) return format
  return format === 'json' ? {} : undefined
}

function head(ask: Ask, { created }: Answer): JsonObject {
  return { model: ask.model, created_at: new Date(created * 1000).toISOString() }
}

/** Durations in nanoseconds. */
function ending({ usage }: Answer, { finish }: Choice): JsonObject {
  return {
    done_reason: finish === 'length' ? 'length' : 'stop',
    done: true,
    total_duration: 3_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: usage?.prompt,
    prompt_eval_duration: 1_000_000,
    eval_count: usage?.completion,
    eval_duration: 1_000_000,
  }
}

function messageOf(choice: Choice): JsonObject {
  const calls = callsOf(choice)
  return {
    role: 'assistant',
    content: choice.text,
    ...(choice.reasoning === '' ? {} : { thinking: choice.reasoning }),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }
}

function callsOf({ calls }: Choice): JsonObject[] {
  return calls.map(({ name, args }, index) => ({
    function: { index, name, arguments: parseJson(args) ?? {} },
  }))
}

function saying(piece: Piece): JsonObject | undefined {
  if (piece.type === 'text') return { response: piece.text }
  return piece.type === 'reasoning' ? { response: '', thinking: piece.text } : undefined
}
