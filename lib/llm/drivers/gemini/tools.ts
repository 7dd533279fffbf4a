import type { ChatRequest } from '../../chat.js'
import { ChatError } from '../../errors.js'
import { isObject, type Json, type JsonObject } from '../../json.js'
import { isEmpty, unusedFields } from '../dropped.js'
import { lookup } from '../lookup.js'
import { pick } from '../pick.js'
import type { FunctionCallingConfig, FunctionDeclaration } from './types.js'

export interface PreparedTools {
  tools?: JsonObject[]
  toolConfig?: JsonObject
}

/**
 * JSON Schema goes out as it is, in `parametersJsonSchema`; `parameters` would take only OpenAPI's dialect. A tool
 * without a `type` is one of Google's own (`{"googleSearch": {}}`) and goes out as it is, too.
 *
 * Source: https://ai.google.dev/api/caching#Tool and #ToolConfig
 */
export function prepareTools(chat: ChatRequest, native: unknown, dropped: string[]): PreparedTools {
  const declarations: FunctionDeclaration[] = []
  const others: JsonObject[] = []
  for (const [i, tool] of (chat.tools ?? []).entries()) {
    if (!isObject(tool)) throw ChatError.badRequest('a tool must be an object', `tools[${i}]`)
    if (tool.type === 'function') declarations.push(declaration(tool, `tools[${i}]`, dropped))
    else if (tool.type === undefined) others.push(tool)
    else dropped.push(`tools[${i}]`)
  }
  const tools = [...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []), ...others]
  const calling = callingConfig(chat.tool_choice)
  if (calling?.mode === 'ANY' && declarations.length === 0) dropped.push('tool_choice')
  if (chat.parallel_tool_calls === false && declarations.length > 0) dropped.push('parallel_tool_calls')
  const toolConfig = {
    ...(calling && declarations.length > 0 && { functionCallingConfig: calling }),
    ...nativeConfig(native, dropped),
  }
  return {
    ...(tools.length > 0 && { tools }),
    ...(Object.keys(toolConfig).length > 0 && { toolConfig }),
  }
}

const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters'])

function declaration(tool: JsonObject, path: string, dropped: string[]): FunctionDeclaration {
  const definition = tool.function
  if (!isObject(definition) || typeof definition.name !== 'string') {
    throw ChatError.badRequest('a function needs a name', `${path}.function.name`)
  }
  dropped.push(...unusedFields(definition, FUNCTION_FIELDS, `${path}.function`))
  return {
    name: definition.name,
    ...pick(definition, ['description']),
    ...(isObject(definition.parameters) && { parametersJsonSchema: definition.parameters }),
  }
}

const MODES: Readonly<Record<string, FunctionCallingConfig['mode']>> = {
  auto: 'AUTO',
  required: 'ANY',
  none: 'NONE',
}

/** Names are taken with a mode that constrains the model; `VALIDATED` leaves it free to answer in words. */
const MODES_WITH_NAMES: Readonly<Record<string, FunctionCallingConfig['mode']>> = {
  auto: 'VALIDATED',
  required: 'ANY',
}

function callingConfig(choice: unknown): FunctionCallingConfig | undefined {
  if (isEmpty(choice)) return undefined
  const mode = lookup(MODES, choice)
  if (mode) return { mode }
  if (isObject(choice)) {
    const name = functionName(choice)
    if (name !== undefined) return { mode: 'ANY', allowedFunctionNames: [name] }
    const allowed = isObject(choice.allowed_tools) ? choice.allowed_tools : {}
    const modeWithNames = lookup(MODES_WITH_NAMES, allowed.mode)
    if (modeWithNames && Array.isArray(allowed.tools)) {
      const names = allowed.tools.map(functionName).filter((allowedName) => allowedName !== undefined)
      return { mode: modeWithNames, allowedFunctionNames: names }
    }
  }
  throw ChatError.badRequest('unknown tool_choice', 'tool_choice')
}

function functionName(tool: Json): string | undefined {
  const definition = isObject(tool) ? tool.function : undefined
  return isObject(definition) && typeof definition.name === 'string' ? definition.name : undefined
}

/** Arguments in pieces come as a list of JSON paths and values, of which no JSON text can be made as they come. */
function nativeConfig(native: unknown, dropped: string[]): JsonObject {
  if (!isObject(native)) return {}
  const calling = native.functionCallingConfig
  if (!isObject(calling) || !calling.streamFunctionCallArguments) return native
  dropped.push('toolConfig.functionCallingConfig.streamFunctionCallArguments')
  const { streamFunctionCallArguments: _, ...others } = calling
  return { ...native, functionCallingConfig: others }
}
