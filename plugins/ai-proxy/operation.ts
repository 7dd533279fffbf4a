/**
 * What addresses of providers' APIs ask for, as OpenTelemetry names it. Its own values where one applies, for others a word of
 * the same kind; both are few, as the names of spans have to be.
 *
 * Source: https://github.com/open-telemetry/semantic-conventions-genai, registry, `gen_ai.operation.name`
 */
const OPERATIONS: readonly (readonly [path: RegExp, operation: string])[] = [
  [
    /\/chat\/completions$|\/v[12]\/chat$|\/api\/chat$|\/messages$|\/converse(?:-stream)?$|\/responses$/,
    'chat',
  ],
  [/:(?:stream)?generateContent$/i, 'generate_content'],
  [/\/completions$|\/generate(?:_stream)?$/, 'text_completion'],
  [/\/embed(?:dings?)?$|:(?:batchE|e)mbedContents?$/, 'embeddings'],
  [/\/vector_stores\/[^/]+\/search$/, 'retrieval'],
  [/\/rerank$/, 'rerank'],
  [/\/count[_-]tokens$|:countTokens$/, 'count_tokens'],
]

/** The operation that a path asks for, with or without its query. */
export function operationOf(path: string): string {
  const [address] = path.split('?', 1)
  return OPERATIONS.find(([pattern]) => pattern.test(address!))?.[1] ?? 'unknown'
}
