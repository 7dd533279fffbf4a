import type { ChatRequest } from '../../chat.js'
import type { JsonObject } from '../../json.js'
import { unusedFields } from '../dropped.js'
import { pick } from '../pick.js'
import { offeredFunctions, readToolChoice } from '../tool-choice.js'

const TOOL_FIELDS = new Set(['type', 'function'])
const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters'])

/**
 * The tools that the model may call. It cannot be told that it must: a choice can only narrow what it is offered.
 *
 * Source: https://docs.ollama.com/capabilities/tool-calling
 */
export function prepareTools(chat: ChatRequest, dropped: string[]): JsonObject[] {
  const { tools = [], parallel_tool_calls: parallel } = chat
  const choice = readToolChoice(chat.tool_choice)
  if (choice.mode === 'required') dropped.push('tool_choice')
  if (tools.length === 0 || choice.mode === 'none') return []
  if (parallel === false) dropped.push('parallel_tool_calls')
  return offeredFunctions(tools, choice, dropped).map(({ tool, path }) => {
    dropped.push(
      ...unusedFields(tool, TOOL_FIELDS, path),
      ...unusedFields(tool.function, FUNCTION_FIELDS, `${path}.function`),
    )
    const parameters = { type: 'object', properties: {}, ...tool.function.parameters }
    return { type: 'function', function: { ...pick(tool.function, ['name', 'description']), parameters } }
  })
}
