import type { ModelOptions } from '../../driver.js'

export interface ApiVersion {
  /** Whether the versions have dates, or are the one v1 API. */
  kind: 'dated' | 'v1'
  /** The query's `api-version`; `undefined`: none, which in the v1 API means its stable features. */
  value: string | undefined
}

/** Kong's. */
const DEFAULT = '2023-05-15'

/** What `azure_api_version` may say beside a date. */
const V1: ReadonlyMap<unknown, string | undefined> = new Map([
  ['v1', undefined],
  ['latest', undefined],
  ['preview', 'preview'],
])

/** https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle */
export function apiVersion({ azure_api_version: version }: ModelOptions): ApiVersion {
  if (V1.has(version)) return { kind: 'v1', value: V1.get(version) }
  return { kind: 'dated', value: typeof version === 'string' && version !== '' ? version : DEFAULT }
}

/** Versions before this one refuse the field, and never count a stream's tokens. */
const STREAM_OPTIONS_SINCE = '2024-09-01'

export function knowsStreamOptions({ kind, value = DEFAULT }: ApiVersion): boolean {
  return kind === 'v1' || value >= STREAM_OPTIONS_SINCE
}
