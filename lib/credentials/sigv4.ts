import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { UpstreamRequest } from '../pdk/exchange.js'
import { firstHeader } from '../pdk/headers.js'

/** What a signature covers, and where it goes. */
export type SignableRequest = Pick<
  UpstreamRequest,
  'scheme' | 'host' | 'port' | 'method' | 'path' | 'rawQuery' | 'headers' | 'body'
>

export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

export interface SigningScope {
  /** `bedrock`, `sts`. */
  service: string
  region: string
}

/** Headers that a signer makes: of an earlier one nothing may stay. `x-amz-content-sha256` would pass for our hash. */
const OF_A_SIGNER = ['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256']

const ALGORITHM = 'AWS4-HMAC-SHA256'

/**
 * Signs a request with AWS Signature Version 4. Only the headers that must be are signed (`host`, `content-type`,
 * `x-amz-*`), so that nothing on the way can break the signature by touching another. The path is signed as it goes
 * over the wire, encoded once more, as the rules are for every service but S3.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * A hot path: once a request to Bedrock, of which the SDK's signer would take a tenth.
 *
 * @param credentials not changed afterwards: the key that is derived from them is kept with them
 */
export function signRequest(
  request: SignableRequest,
  { service, region }: SigningScope,
  credentials: AwsCredentials,
  date = new Date(),
): void {
  const { method, path, rawQuery, headers, body } = request
  for (const name of OF_A_SIGNER) if (headers[name] !== undefined) delete headers[name]
  // Said here, so that what is signed is what is sent.
  headers.host ??= authority(request)
  const time = date.toISOString().replace(/[:-]|\.\d+/g, '')
  headers['x-amz-date'] = time
  if (credentials.sessionToken) headers['x-amz-security-token'] = credentials.sessionToken
  const names = Object.keys(headers).filter(isSigned).sort()
  const canonical = [
    method,
    canonicalPath(path),
    canonicalQuery(rawQuery),
    ...names.map((name) => `${name}:${canonicalValue(firstHeader(headers, name)!)}`),
    '',
    names.join(';'),
    hash('sha256', body ?? ''),
  ].join('\n')
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const signature = createHmac('sha256', signingKey(credentials, scope))
    .update(`${ALGORITHM}\n${time}\n${scope}\n${hash('sha256', canonical)}`)
    .digest('hex')
  headers.authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}

function authority({ scheme, host, port }: SignableRequest): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`
}

function isSigned(name: string): boolean {
  return name === 'host' || name === 'content-type' || name.startsWith('x-amz')
}

function canonicalValue(value: string): string {
  return value.trim().replace(/[ \t\r\n]+/g, ' ')
}

function canonicalPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(encode(segment))
  }
  return segments.length === 0 ? '/' : `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`
}

/** Sorted by name, then by value, both encoded. */
function canonicalQuery(rawQuery: string): string {
  if (rawQuery === '') return ''
  return Array.from(new URLSearchParams(rawQuery), ([name, value]) => [encode(name), encode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => order(name, otherName) || order(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

/** All but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The last one derived from each credential: good for a day, a region and a service. */
const signingKeys = new WeakMap<AwsCredentials, { scope: string; key: KeyObject }>()

function signingKey(credentials: AwsCredentials, scope: string): KeyObject {
  const known = signingKeys.get(credentials)
  if (known?.scope === scope) return known.key
  let key = createSecretKey(`AWS4${credentials.secretAccessKey}`, 'utf8')
  for (const part of scope.split('/')) key = createSecretKey(createHmac('sha256', key).update(part).digest())
  signingKeys.set(credentials, { scope, key })
  return key
}
