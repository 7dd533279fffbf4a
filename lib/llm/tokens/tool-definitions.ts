import { isObject, type Json, type JsonObject } from '../json.js'

/** Deeper schemas are `any`: nobody writes them, but anybody may send them. */
const MAX_DEPTH = 32

/**
 * Tool definitions as OpenAI's models see them: a TypeScript namespace. The form is not documented but well known, and
 * counts come out within a token or two of the provider's.
 *
 * Source: https://community.openai.com/t/how-to-calculate-the-tokens-when-using-function-call/266573
 */
export function toolDefinitions(functions: readonly JsonObject[]): string {
  const lines = ['namespace functions {', '']
  for (const { name, description, parameters } of functions) {
    if (typeof description === 'string' && description !== '') lines.push(`// ${description}`)
    const members = isObject(parameters) ? memberLines(parameters, 0, 0) : []
    const said = typeof name === 'string' ? name : ''
    lines.push(
      ...(members.length === 0
        ? [`type ${said} = () => any;`]
        : [`type ${said} = (_: {`, ...members, '}) => any;']),
      '',
    )
  }
  lines.push('} // namespace functions')
  return lines.join('\n')
}

/** Descriptions stand at the outermost members only. */
function memberLines(schema: JsonObject, indent: number, depth: number): string[] {
  const { properties, required } = schema
  if (!isObject(properties)) return []
  const needed = new Set(Array.isArray(required) ? required : [])
  const margin = ' '.repeat(indent)
  return Object.entries(properties).flatMap(([name, member]) => {
    const line = `${margin}${name}${needed.has(name) ? '' : '?'}: ${typeOf(member, indent, depth)},`
    const said = indent < 2 && isObject(member) ? member.description : undefined
    return typeof said === 'string' ? [`${margin}// ${said}`, line] : [line]
  })
}

function typeOf(schema: Json | undefined, indent: number, depth: number): string {
  if (!isObject(schema) || depth > MAX_DEPTH) return 'any'
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array':
      return `${typeOf(schema.items, indent, depth + 1)}[]`
    case 'object':
      return ['{', ...memberLines(schema, indent + 2, depth + 1), `${' '.repeat(indent)}}`].join('\n')
    default:
      return 'any'
  }
}
