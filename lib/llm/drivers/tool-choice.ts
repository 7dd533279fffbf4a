import type { Tool, ToolChoice } from '../chat.js'
import { isObject } from '../json.js'

/** OpenAI's `tool_choice` in its two parts. */
export interface ReadToolChoice {
  mode: 'none' | 'auto' | 'required'
  /** The only functions that may be called; `undefined`: any. */
  only: ReadonlySet<unknown> | undefined
}

export function readToolChoice(choice: ToolChoice = 'auto'): ReadToolChoice {
  if (typeof choice === 'string') return { mode: choice, only: undefined }
  if (choice.type === 'function') return { mode: 'required', only: new Set([choice.function.name]) }
  const { mode, tools } = choice.allowed_tools
  return {
    mode,
    only: new Set(tools.map((tool) => (isObject(tool.function) ? tool.function.name : undefined))),
  }
}

/** The functions among the tools that the choice leaves, each with its path. A tool of another type is dropped. */
export function offeredFunctions(
  tools: Tool[],
  { only }: ReadToolChoice,
  dropped: string[],
): { tool: Tool; path: string }[] {
  return tools.flatMap((tool, i) => {
    const path = `tools[${i}]`
    if (tool.type !== 'function') {
      dropped.push(path)
      return []
    }
    return only === undefined || only.has(tool.function.name) ? [{ tool, path }] : []
  })
}
