import type { ChatRequest } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import { cachePoint } from './content.js'
import type { ModelTraits } from './model.js'
import type { ToolConfig, ToolSpec } from './types.js'

export interface PreparedTools {
  toolConfig?: ToolConfig
  /** Whether the model must call a tool. */
  forced: boolean
}

/**
 * The tools and how to choose among them. There is no choice of none: then no tools are offered, unless earlier turns
 * called some, because such turns are refused without tools. Where none are offered any more, those are named.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
 */
export function prepareTools(
  chat: ChatRequest,
  calledFunctions: ReadonlySet<string>,
  traits: ModelTraits,
  dropped: string[],
): PreparedTools {
  const choice = convertChoice(chat.tool_choice)
  const offered = (chat.tools ?? []).flatMap((tool: unknown, i) =>
    convertTool(tool, `tools[${i}]`, traits, dropped),
  )
  const tools = choice.allowed
    ? offered.filter((tool) => 'toolSpec' in tool && choice.allowed?.has(tool.toolSpec.name))
    : offered
  if (chat.parallel_tool_calls === false && tools.length > 0) dropped.push('parallel_tool_calls')

  const forced = choice.toolChoice !== undefined && !('auto' in choice.toolChoice)
  if (forced && tools.length === 0) dropped.push('tool_choice')
  if (calledFunctions.size === 0 && (tools.length === 0 || choice.isNone)) return { forced: false }
  if (tools.length === 0) {
    return { toolConfig: { tools: [...calledFunctions].map(formerTool) }, forced: false }
  }
  if (choice.isNone) dropped.push('tool_choice')
  return {
    toolConfig: { tools, ...(choice.toolChoice && { toolChoice: choice.toolChoice }) },
    forced,
  }
}

function formerTool(name: string): { toolSpec: ToolSpec } {
  return { toolSpec: { name, inputSchema: { json: { type: 'object' } } } }
}

const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict', 'cache_control'])

function convertTool(
  tool: unknown,
  path: string,
  traits: ModelTraits,
  dropped: string[],
): ToolConfig['tools'] {
  if (!isObject(tool)) throw ChatError.badRequest('a tool must be an object', path)
  if (tool.type !== 'function') {
    dropped.push(path)
    return []
  }
  const definition = tool.function
  if (!isObject(definition) || typeof definition.name !== 'string') {
    throw ChatError.badRequest('a function needs a name', `${path}.function.name`)
  }
  dropped.push(...unusedFields(definition, FUNCTION_FIELDS, `${path}.function`))
  const isStrict = definition.strict === true
  if (isStrict && !traits.takesStrict) dropped.push(`${path}.function.strict`)
  const toolSpec: ToolSpec = {
    name: definition.name,
    // A blank description is refused.
    ...(isEmpty(definition.description) ? {} : pick(definition, ['description'])),
    inputSchema: { json: { type: 'object', ...(isObject(definition.parameters) && definition.parameters) } },
    ...(isStrict && traits.takesStrict && { strict: true }),
  }
  return [{ toolSpec }, ...cachePoint(tool), ...cachePoint(definition)]
}

interface Choice {
  toolChoice?: NonNullable<ToolConfig['toolChoice']>
  isNone?: boolean
  /** The names to which OpenAI's `allowed_tools` narrows the tools: the others are not offered. */
  allowed?: ReadonlySet<unknown>
}

const CHOICES: Readonly<Record<string, Choice>> = {
  auto: { toolChoice: { auto: {} } },
  required: { toolChoice: { any: {} } },
  none: { isNone: true },
}

function convertChoice(choice: unknown): Choice {
  if (isEmpty(choice)) return {}
  const named = lookup(CHOICES, choice)
  if (named) return named
  if (isObject(choice)) {
    const name = functionOf(choice)?.name
    if (typeof name === 'string') return { toolChoice: { tool: { name } } }
    const { mode, tools } = isObject(choice.allowed_tools) ? choice.allowed_tools : {}
    const base = lookup(CHOICES, mode)
    if (base && Array.isArray(tools))
      return { ...base, allowed: new Set(tools.map((tool) => functionOf(tool)?.name)) }
  }
  throw ChatError.badRequest('unknown tool_choice', 'tool_choice')
}

function functionOf(tool: Json): JsonObject | undefined {
  return isObject(tool) && isObject(tool.function) ? tool.function : undefined
}
