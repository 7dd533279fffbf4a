import type { ChatRequest } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type JsonObject } from '../../json.js'
import { isEmpty, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import type { ToolChoice } from './types.js'

export interface PreparedTools {
  tools?: JsonObject[]
  toolChoice?: ToolChoice
  /** Whether the model must call a tool. */
  forced: boolean
}

/** What Anthropic's tools have beside OpenAI's: accepted on the tool and on its function. */
const TOOL_EXTRAS = [
  'cache_control',
  'defer_loading',
  'eager_input_streaming',
  'input_examples',
  'allowed_callers',
]

/** Tools of Anthropic's own carry the date of their version in their type: `web_search_20250305`. */
const NATIVE_TOOL = /_\d{8}$|^mcp_toolset$/

/**
 * Source: https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use (and
 * /docs/build-with-claude/structured-outputs for `strict`)
 */
export function prepareTools(chat: ChatRequest, dropped: string[]): PreparedTools {
  const all = ((chat.tools ?? []) as unknown[]).flatMap((tool, i) =>
    convertTool(tool, `tools[${i}]`, dropped),
  )
  const choice = convertChoice(chat.tool_choice)
  const tools = choice?.allowed ? all.filter((tool) => choice.allowed?.has(tool.name)) : all
  if (tools.length === 0) {
    if (choice?.forced) dropped.push('tool_choice')
    return { forced: false }
  }
  const toolChoice = withParallel(choice?.toolChoice, chat.parallel_tool_calls)
  return { tools, ...(toolChoice && { toolChoice }), forced: choice?.forced ?? false }
}

function convertTool(tool: unknown, path: string, dropped: string[]): JsonObject[] {
  if (!isObject(tool)) throw ChatError.badRequest('a tool must be an object', path)
  if (typeof tool.type === 'string' && NATIVE_TOOL.test(tool.type)) return [tool]
  if (tool.type !== 'function') {
    dropped.push(path)
    return []
  }
  const definition = tool.function
  if (!isObject(definition) || typeof definition.name !== 'string') {
    throw ChatError.badRequest('a function needs a name', `${path}.function.name`)
  }
  dropped.push(
    ...unusedFields(tool, new Set(['type', 'function', ...TOOL_EXTRAS]), path),
    ...unusedFields(
      definition,
      new Set(['name', 'description', 'parameters', 'strict', ...TOOL_EXTRAS]),
      `${path}.function`,
    ),
  )
  return [
    {
      name: definition.name,
      ...pick(definition, ['description']),
      input_schema: { type: 'object', ...(isObject(definition.parameters) && definition.parameters) },
      ...(definition.strict === true && { strict: true }),
      ...pick(definition, TOOL_EXTRAS),
      ...pick(tool, TOOL_EXTRAS),
    },
  ]
}

interface Choice {
  toolChoice: ToolChoice
  forced: boolean
  /** The names to which OpenAI's `allowed_tools` narrows the tools: the others are not sent. */
  allowed?: ReadonlySet<unknown>
}

const CHOICES: Readonly<Record<string, Choice>> = {
  auto: { toolChoice: { type: 'auto' }, forced: false },
  required: { toolChoice: { type: 'any' }, forced: true },
  none: { toolChoice: { type: 'none' }, forced: false },
}

function convertChoice(choice: unknown): Choice | undefined {
  if (isEmpty(choice)) return undefined
  if (typeof choice === 'string') return known(lookup(CHOICES, choice))
  if (!isObject(choice)) return known(undefined)
  if (isObject(choice.function) && typeof choice.function.name === 'string') {
    return { toolChoice: { type: 'tool', name: choice.function.name }, forced: true }
  }
  if (choice.type === 'allowed_tools' && isObject(choice.allowed_tools)) {
    const { mode, tools } = choice.allowed_tools
    const names = Array.isArray(tools) ? tools.map((tool) => functionOf(tool)?.name) : []
    return { ...known(lookup(CHOICES, mode)), allowed: new Set(names) }
  }
  return known(undefined)
}

function functionOf(tool: unknown): JsonObject | undefined {
  return isObject(tool) && isObject(tool.function) ? tool.function : undefined
}

function known(choice: Choice | undefined): Choice {
  if (!choice) throw ChatError.badRequest('unknown tool_choice', 'tool_choice')
  return choice
}

/** Anthropic says on the choice what OpenAI says beside it. */
function withParallel(choice: ToolChoice | undefined, parallel: boolean | undefined): ToolChoice | undefined {
  if (parallel !== false || choice?.type === 'none') return choice
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true }
}
