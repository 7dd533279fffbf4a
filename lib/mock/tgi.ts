import type { JsonObject } from '../llm/json.js'
import { ask, MockError, type ApiRequest, type Ask, type MockApi } from './api.js'
import { tokens, type Answer, type Choice } from './answer.js'
import { SSE } from './framing.js'
import { huggingfaceError } from './huggingface.js'
import { number, object, string, strings } from './read.js'

/**
 * Text Generation Inference: https://huggingface.github.io/text-generation-inference/, `/generate` and
 * `/generate_stream`. The server has one model: a request names none, unless in a `model` of its own.
 */
export const tgiGenerate: MockApi = {
  path: /\/generate(?<stream>_stream)?$/,
  read: (request) => readInputs(request, request.captures.stream !== undefined),
  whole: (ask, answer) => generated(ask, answer),
  *stream(ask, answer) {
    const choice = answer.choices[0]!
    const pieces = choice.pieces.filter((piece) => piece.type === 'text')
    for (const [index, piece] of pieces.entries()) {
      const last = index === pieces.length - 1
      yield {
        data: {
          index: index + 1,
          token: { id: index + 1, text: piece.text, logprob: -0.25, special: false },
          generated_text: last ? choice.text : null,
          details: last ? details(ask, choice) : null,
        },
        closing: last,
      }
    }
  },
  error: huggingfaceError,
  overloaded: { data: { error: 'Model is overloaded', error_type: 'overloaded' } },
}

/** The same at the root, or below a model's path as Hugging Face's inference API had it: `stream` is in the body, answers in a list. */
export const tgiModel: MockApi = {
  ...tgiGenerate,
  path: /^\/$|\/models\/(?<model>.+)$/,
  read: (request) => readInputs(request, request.body.stream === true),
  whole: (ask, answer) => [generated(ask, answer)],
}

const FINISH = { stop: 'eos_token', length: 'length', tools: 'eos_token' } as const

function readInputs({ body, captures }: ApiRequest, stream: boolean): Ask {
  const inputs = string(body.inputs)
  if (inputs === undefined) {
    throw new MockError(
      422,
      'Failed to deserialize the JSON body into the target type: missing field `inputs`',
    )
  }
  const parameters = object(body.parameters)
  return ask({
    model: captures.model ?? string(body.model) ?? 'tgi',
    questions: [/.*\[INST\](.*)\[\/INST\]/s.exec(inputs)?.[1]?.trim() ?? inputs], // in Llama 2's template
    prompt: [inputs],
    maxTokens: number(parameters.max_new_tokens),
    stop: strings(parameters.stop),
    framing: stream ? SSE : undefined,
  })
}

function generated(ask: Ask, answer: Answer): JsonObject {
  const choice = answer.choices[0]!
  return { generated_text: choice.text, details: answer.usage && details(ask, choice) }
}

function details(ask: Ask, { finish, stopSequence, text }: Choice): JsonObject {
  return {
    finish_reason: stopSequence === null ? FINISH[finish] : 'stop_sequence',
    generated_tokens: tokens(text).length,
    input_length: ask.prompt.flatMap(tokens).length,
    seed: null,
  }
}
