import { ChatError } from '../../lib/llm/errors.js'
import { isObject } from '../../lib/llm/json.js'

/** Where a placeholder takes its value from. */
export type TemplateSource = 'headers' | 'uri_captures' | 'query_params'

/** By name; header names in lower case. Of a repeated one the first value counts. */
export type TemplateValues = Readonly<Record<string, unknown>>

/** What placeholders are filled in from. */
export type TemplateSources = Readonly<Partial<Record<TemplateSource, TemplateValues>>>

export interface Templates<Model> {
  /** The sources that `resolve` wants; none if there is no placeholder. */
  readonly needs: ReadonlySet<TemplateSource>
  /**
   * The model with every placeholder filled in; the model itself if there is none. **The values are the client's: whoever
   * makes a URL, a header or a file name of them must treat them as untrusted.**
   *
   * @throws ChatError 400 with the path of the string in `param`
   */
  readonly resolve: (sources: TemplateSources) => Model
}

/** Gives a value of the config with its placeholders filled in. */
type Fill = (sources: TemplateSources) => unknown

const PLACEHOLDER = /\$\(([^)]*)\)/
const SOURCES: ReadonlySet<string> = new Set<TemplateSource>(['headers', 'uri_captures', 'query_params'])

function isSource(name: string): name is TemplateSource {
  return SOURCES.has(name)
}

/**
 * Finds the placeholders `$(headers.NAME)`, `$(uri_captures.NAME)` and `$(query_params.NAME)` in all strings of a model's
 * config, once. Never throws: a faulty placeholder is an error of each request, as in Kong.
 */
export function compileTemplates<Model extends object>(model: Model): Templates<Model> {
  const needs = new Set<TemplateSource>()
  const fill = compile(model, 'config.model', needs)
  return { needs, resolve: (sources) => (fill ? (fill(sources) as Model) : model) }
}

/** @returns undefined if there is no placeholder in the value */
function compile(value: unknown, path: string, needs: Set<TemplateSource>): Fill | undefined {
  if (typeof value === 'string') return PLACEHOLDER.test(value) ? compileText(value, path, needs) : undefined
  if (Array.isArray(value)) {
    const fills = value.map((item, i) => compile(item, `${path}[${i}]`, needs))
    if (fills.every((fill) => fill === undefined)) return undefined
    return (sources) => value.map((item: unknown, i) => fills[i]?.(sources) ?? item)
  }
  if (!isObject(value)) return undefined
  const fills = Object.entries(value).flatMap(([name, item]) => {
    const fill = compile(item, `${path}.${name}`, needs)
    return fill ? [[name, fill] as const] : []
  })
  if (fills.length === 0) return undefined
  return (sources) => ({
    ...value,
    ...Object.fromEntries(fills.map(([name, fill]) => [name, fill(sources)])),
  })
}

function compileText(text: string, path: string, needs: Set<TemplateSource>): Fill {
  // Split by a pattern with one group, what is between the placeholders is at even places.
  const parts = text.split(PLACEHOLDER).map((part, i): string | ((sources: TemplateSources) => string) => {
    if (i % 2 === 0) return part
    const [source, name, ...rest] = part.split('.')
    if (source === undefined || name === undefined || rest.length > 0) {
      return fail(`cannot parse expression for field '${text}'`, path)
    }
    if (!isSource(source)) return fail(`source '${source}' is not supported`, path)
    needs.add(source)
    const key = source === 'headers' ? name.toLowerCase() : name
    const missing = fail(`${source} key ${name} was not provided`, path)
    return (sources) => valueOf(sources[source], key) ?? missing()
  })
  return (sources) => parts.map((part) => (typeof part === 'string' ? part : part(sources))).join('')
}

function fail(message: string, path: string): () => never {
  return () => {
    throw ChatError.badRequest(message, path)
  }
}

/** Own properties only: a name is an operator's word, but `constructor` is nobody's header. */
function valueOf(values: TemplateValues | undefined, name: string): string | undefined {
  if (values === undefined || !Object.hasOwn(values, name)) return undefined
  const value = values[name]
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}
