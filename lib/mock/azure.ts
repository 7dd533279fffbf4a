import type { JsonObject } from '../llm/json.js'
import type { MockApi, MockError } from './api.js'
import type { MockFrame } from './framing.js'
import { openaiChat, openaiCompletions, readChat, readCompletions, type OpenAiApi } from './openai.js'
import { objects, string } from './read.js'

/**
 * OpenAI's API below a deployment's path or `/openai/v1`, with content filter results:
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference
 */
export const azureChat: MockApi = {
  ...filtered(openaiChat),
  path: /\/openai\/(?:deployments\/(?<deployment>[^/]+)|v1)\/chat\/completions$/,
  read: ({ body, captures }) => readChat(body, captures.deployment ?? string(body.model)),
}

export const azureCompletions: MockApi = {
  ...filtered(openaiCompletions),
  path: /\/openai\/(?:deployments\/(?<deployment>[^/]+)|v1)\/completions$/,
  read: ({ body, captures }) => readCompletions(body, captures.deployment ?? string(body.model)),
}

const SAFE = { filtered: false, severity: 'safe' }
const CONTENT_FILTER: JsonObject = { hate: SAFE, self_harm: SAFE, sexual: SAFE, violence: SAFE }
const PROMPT_FILTER: JsonObject = {
  prompt_filter_results: [
    {
      prompt_index: 0,
      content_filter_results: { ...CONTENT_FILTER, jailbreak: { filtered: false, detected: false } },
    },
  ],
}

const ERROR_CODES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  404: 'DeploymentNotFound',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
}

/** An API of OpenAI's as Azure gives it: the prompt's filter results first, the text's with every choice. */
function filtered(api: OpenAiApi): MockApi {
  return {
    ...api,
    whole: (ask, answer) => ({
      ...withFilter(api.whole(ask, answer)),
      ...PROMPT_FILTER,
    }),
    *stream(ask, answer) {
      yield { data: { choices: [], created: 0, id: '', model: '', object: '', ...PROMPT_FILTER } }
      for (const frame of api.stream(ask, answer)) yield framed(frame)
    },
    error: ({ status, message }: MockError) => ({
      body: { error: { code: ERROR_CODES[status] ?? String(status), message } },
    }),
  }
}

function framed(frame: MockFrame): MockFrame {
  return typeof frame.data === 'string' ? frame : { ...frame, data: withFilter(frame.data) }
}

function withFilter(body: JsonObject): JsonObject {
  const filter = { content_filter_results: CONTENT_FILTER }
  return { ...body, choices: objects(body.choices).map((choice) => Object.assign(choice, filter)) }
}
