import { isObject, parseJson, type JsonObject } from '../llm/json.js'
import { CredentialError, errorKind } from './error.js'
import type { Expiring } from './token-cache.js'

/** A call to a server that gives out credentials. */
export interface TokenCall {
  /** Whose server it is, for errors: `Google's token endpoint`. */
  whose: string
  method: 'GET' | 'POST'
  url: string
  headers?: Record<string, string>
  body?: string
}

export interface TokenAnswer {
  status: number
  text: string
}

/** Follows no redirect: what the call holds is meant for one server only. */
export async function callTokenEndpoint(call: TokenCall, signal: AbortSignal): Promise<TokenAnswer> {
  const { whose, url, method, headers = {}, body = null } = call
  if (!URL.canParse(url)) throw new CredentialError(`${whose} is not configured as a URL`)
  try {
    // Loaded with the first call: a start does not wait for it.
    const { request } = await import('undici')
    const answer = await request(url, { method, headers, body, signal })
    return { status: answer.statusCode, text: await answer.body.text() }
  } catch (error) {
    throw new CredentialError(`${whose} at ${new URL(url).origin} cannot be reached: ${errorKind(error)}`)
  }
}

/** The call of RFC 6749 §4.4.2 and its kin: a form as the body, JSON as the answer. */
export function formCall(whose: string, url: string, form: Record<string, string>): TokenCall {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  return { whose, method: 'POST', url, headers, body: new URLSearchParams(form).toString() }
}

/**
 * An OAuth access token: the answer of RFC 6749 §5.1, or that of Azure's managed identities, which may have
 * `expires_on` (Unix seconds) in place of `expires_in` (seconds), both as strings.
 */
export async function fetchAccessToken(call: TokenCall, signal: AbortSignal): Promise<Expiring<string>> {
  const { status, text } = await callTokenEndpoint(call, signal)
  const json = parseJson(text)
  const answer = isObject(json) ? json : {}
  if (status !== 200) throw new CredentialError(`${call.whose} answered ${status}${refusal(answer)}`)
  const { access_token: value, expires_in, expires_on } = answer
  const expiresAt = expires_in === undefined ? seconds(expires_on) : Date.now() + seconds(expires_in)
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value) || Number.isNaN(expiresAt)) {
    throw new CredentialError(`${call.whose} answered without a token or its time`)
  }
  return { value, expiresAt }
}

/** In milliseconds; NaN for what is no number of seconds. */
function seconds(value: unknown): number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '')
    ? Number(value) * 1000
    : Number.NaN
}

/** What may be said of an error answer: its code (RFC 6749 §5.2) and the number that Azure puts into the description. */
function refusal({ error, error_description: description }: JsonObject): string {
  const code = typeof error === 'string' ? /^[a-z_]{1,60}$/.exec(error)?.[0] : undefined
  const azure = typeof description === 'string' ? /^AADSTS\d{1,9}/.exec(description)?.[0] : undefined
  const said = [code, azure].filter((part) => part !== undefined)
  return said.length === 0 ? '' : `: ${said.join(', ')}`
}
