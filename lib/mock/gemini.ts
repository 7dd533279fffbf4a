import { parseJson, type JsonObject } from '../llm/json.js'
import { ask, MockError, type ApiRequest, type Ask, type MockApi } from './api.js'
import { SIGNATURE, type Answer, type Choice, type MockUsage } from './answer.js'
import { JSON_ARRAY, SSE, type MockFrame } from './framing.js'
import { inTurn } from './openai.js'
import { number, object, objects, string, strings, text } from './read.js'

/**
 * `generateContent` and `streamGenerateContent`, of Gemini and of Vertex AI: https://ai.google.dev/api/generate-content
 */
export const geminiGenerate: MockApi = {
  path: /\/models\/(?<model>.+):(?<method>generateContent|streamGenerateContent)$/,
  read: readGenerate,
  whole: (ask, answer) => ({
    candidates: answer.choices.map((choice, index) => ({
      content: { parts: partsOf(choice), role: 'model' },
      finishReason: FINISH[choice.finish],
      index,
    })),
    usageMetadata: usage(answer.usage),
    ...tail(ask, answer),
  }),
  *stream(ask, answer) {
    const counts = answer.usage && { ...answer.usage, completion: 0, reasoning: 0 }
    const frame = (index: number, part: JsonObject, finishReason?: string): MockFrame => ({
      data: {
        candidates: [{ content: { parts: [part], role: 'model' }, finishReason, index }],
        usageMetadata: usage(finishReason === undefined ? counts : answer.usage),
        ...tail(ask, answer),
      },
      closing: finishReason !== undefined,
    })
    for (const [index, piece] of inTurn(answer.choices)) {
      if (counts) counts.completion += 1
      if (counts && piece.type === 'reasoning') counts.reasoning += 1
      if (piece.type === 'reasoning') yield frame(index, { text: piece.text, thought: true })
      if (piece.type === 'text') yield frame(index, { text: piece.text })
      if (piece.type === 'tool') yield frame(index, callsOf(answer.choices[index]!)[piece.call] ?? {})
    }
    for (const [index, { finish }] of answer.choices.entries())
      yield frame(index, { text: '' }, FINISH[finish])
  },
  error(error, request) {
    const body = errorBody(error)
    return { body: request && framingOf(request) === JSON_ARRAY ? [body] : body }
  },
  overloaded: { data: { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } } },
}

/** A tool call finishes with STOP too. */
const FINISH = { stop: 'STOP', length: 'MAX_TOKENS', tools: 'STOP' } as const

/** https://cloud.google.com/apis/design/errors */
const STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

function readGenerate(request: ApiRequest): Ask {
  const { body, captures } = request
  const contents = objects(body.contents)
  if (contents.length === 0) {
    throw new MockError(400, '* GenerateContentRequest.contents: contents is not specified\n')
  }
  const config = object(body.generationConfig ?? body.generation_config)
  const calling = object(object(body.toolConfig ?? body.tool_config).functionCallingConfig)
  const system = object(body.systemInstruction ?? body.system_instruction)
  const user = contents.findLast(({ role, parts }) => role !== 'model' && text(parts) !== '')
  return ask({
    model: captures.model ?? '',
    questions: [text(user?.parts)],
    prompt: [text(system.parts), ...contents.map(({ parts }) => text(parts))],
    choices: number(config.candidateCount) ?? 1,
    maxTokens: number(config.maxOutputTokens),
    stop: strings(config.stopSequences),
    tools: objects(body.tools)
      .flatMap((tool) => objects(tool.functionDeclarations ?? tool.function_declarations))
      .map((tool) => ({
        name: string(tool.name) ?? '',
        parameters: object(tool.parametersJsonSchema ?? tool.parameters),
      })),
    toolChoice: toolChoice(calling),
    toolResult: toolResult(contents.at(-1)),
    json:
      config.responseMimeType === 'application/json'
        ? object(config.responseJsonSchema ?? config.responseSchema)
        : undefined,
    reasoning: object(config.thinkingConfig).includeThoughts === true,
    framing: framingOf(request),
  })
}

function framingOf({ captures, query }: ApiRequest) {
  if (captures.method === 'generateContent') return undefined
  return query.get('alt') === 'sse' ? SSE : JSON_ARRAY
}

function toolChoice({ mode, allowedFunctionNames }: JsonObject): Ask['toolChoice'] {
  const [name] = strings(allowedFunctionNames)
  if (mode === 'ANY') return name === undefined ? 'required' : { name }
  return mode === 'NONE' ? 'none' : 'auto'
}

function toolResult(content: JsonObject | undefined): string | undefined {
  const results = objects(content?.parts).flatMap(({ functionResponse, function_response }) =>
    objects([functionResponse ?? function_response ?? null]),
  )
  return results.length > 0 ? results.map(({ response }) => JSON.stringify(response)).join(', ') : undefined
}

function partsOf(choice: Choice): JsonObject[] {
  return [
    ...(choice.reasoning === '' ? [] : [{ text: choice.reasoning, thought: true }]),
    ...(choice.text === '' ? [] : [{ text: choice.text }]),
    ...callsOf(choice),
  ]
}

/** Calls come whole; the first one is signed. */
function callsOf({ calls }: Choice): JsonObject[] {
  return calls.map(({ name, args }, index) => ({
    functionCall: { name, args: parseJson(args) ?? {} },
    ...(index === 0 ? { thoughtSignature: SIGNATURE } : {}),
  }))
}

function tail(ask: Ask, { serial }: Answer): JsonObject {
  return { modelVersion: ask.model, responseId: `mock${serial}` }
}

function errorBody({ status, message }: MockError): JsonObject {
  const fallback = status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL'
  return { error: { code: status, message, status: STATUS[status] ?? fallback } }
}

/** The candidates' count is without the thoughts'. */
function usage(counts: MockUsage | undefined): JsonObject | undefined {
  return (
    counts && {
      promptTokenCount: counts.prompt,
      candidatesTokenCount: counts.completion - counts.reasoning,
      totalTokenCount: counts.prompt + counts.completion,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: counts.prompt }],
      ...(counts.reasoning > 0 ? { thoughtsTokenCount: counts.reasoning } : {}),
    }
  )
}
