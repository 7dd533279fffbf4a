import type { ChatRequest } from '../../chat.js'
import type { JsonObject } from '../../json.js'
import { unusedFields } from '../dropped.js'
import { pick } from '../pick.js'
import { offeredFunctions, readToolChoice } from '../tool-choice.js'

const TOOL_FIELDS = new Set(['type', 'function'])
const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict'])

const CHOICES = { auto: undefined, required: 'REQUIRED', none: 'NONE' } as const

/**
 * One tool is forced by being the only one that the model must choose from. Strictness is of all tools or none.
 *
 * Source: https://docs.cohere.com/reference/chat (`tools`, `tool_choice`, `strict_tools`)
 */
export function prepareTools(chat: ChatRequest, dropped: string[]): JsonObject {
  const { tools = [], parallel_tool_calls: parallel } = chat
  const choice = readToolChoice(chat.tool_choice)
  const toolChoice = CHOICES[choice.mode]
  const offered = offeredFunctions(tools, choice, dropped)
  if (offered.length === 0) {
    if (choice.mode === 'required') dropped.push('tool_choice')
    return {}
  }
  if (parallel === false) dropped.push('parallel_tool_calls')
  const isStrict = offered.every(({ tool }) => tool.function.strict === true)
  for (const { tool, path } of offered) {
    dropped.push(
      ...unusedFields(tool, TOOL_FIELDS, path),
      ...unusedFields(tool.function, FUNCTION_FIELDS, `${path}.function`),
    )
    if (!isStrict && tool.function.strict === true) dropped.push(`${path}.function.strict`)
  }
  return {
    tools: offered.map(({ tool }) => ({
      type: 'function',
      function: {
        ...pick(tool.function, ['name', 'description']),
        parameters: { type: 'object', properties: {}, ...tool.function.parameters },
      },
    })),
    ...(isStrict && { strict_tools: true }),
    ...(toolChoice !== undefined && { tool_choice: toolChoice }),
  }
}
