import { ALGORITHM_IDENTIFIER, createScope, getCanonicalHeaders, SignatureV4Base } from '@smithy/signature-v4'
import { createHmac, hash } from 'node:crypto'
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

/**
 * Signs a request with AWS Signature Version 4. Only the headers that must be are signed (`host`, `content-type`,
 * `x-amz-*`), so that nothing on the way can break the signature by touching another. The path is signed as it goes
 * over the wire, encoded once more, as the rules are for every service but S3.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * @param credentials not changed afterwards: the key that is derived from them is kept with them
 */
export function signRequest(
  request: SignableRequest,
  { service, region }: SigningScope,
  credentials: AwsCredentials,
  date = new Date(),
): void {
  const { headers } = request
  for (const name of OF_A_SIGNER) if (headers[name] !== undefined) delete headers[name]
  // Said here, so that what is signed is what is sent.
  headers.host ??= authority(request)
  const { longDate, shortDate } = words.formatDate(date)
  headers['x-amz-date'] = longDate
  if (credentials.sessionToken) headers['x-amz-security-token'] = credentials.sessionToken
  const { canonical, names } = words.canonical(request)
  const scope = createScope(shortDate, region, service)
  const toSign = `${ALGORITHM_IDENTIFIER}\n${longDate}\n${scope}\n${hash('sha256', canonical)}`
  const signature = hmac(signingKey(credentials, scope)).update(toSign).digest('hex')
  headers.authorization = `${ALGORITHM_IDENTIFIER} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}

function authority({ scheme, host, port }: SignableRequest): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`
}

/**
 * The SDK's signer as far as it writes down what is to be signed. Its `sign` would hash the same, in a dozen promises, and take
 * three times as long.
 */
class Words extends SignatureV4Base {
  /** Of the second in which a request was signed last. */
  #stamp = { second: NaN, longDate: '', shortDate: '' }

  constructor() {
    const unused = () => Promise.reject(new Error('the signer is asked for words only'))
    super({ service: '', region: '', credentials: unused, sha256: unused as never })
  }

  override formatDate(date: Date): { longDate: string; shortDate: string } {
    const second = Math.floor(date.getTime() / 1000)
    if (second !== this.#stamp.second) this.#stamp = { second, ...super.formatDate(date) }
    return this.#stamp
  }

  /** The canonical request, and the names of the headers in it. */
  canonical({ method, scheme, host, path, rawQuery, headers, body }: SignableRequest) {
    const covered = {
      method,
      protocol: `${scheme}:`,
      hostname: host,
      path,
      query: queryOf(rawQuery),
      headers: headersToSign(headers),
    }
    const signed = getCanonicalHeaders(covered)
    return {
      canonical: this.createCanonicalRequest(covered, signed, hash('sha256', body ?? '')),
      names: this.getCanonicalHeaderList(signed),
    }
  }
}
const words = new Words()

function headersToSign(headers: SignableRequest['headers']): Record<string, string> {
  const signed: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    const value = firstHeader(headers, name)
    const covered = name === 'host' || name === 'content-type' || name.startsWith('x-amz')
    if (covered && value !== undefined) signed[name] = value
  }
  return signed
}

function queryOf(rawQuery: string): Record<string, string[]> {
  const query: Record<string, string[]> = Object.create(null)
  if (rawQuery === '') return query
  for (const [name, value] of new URLSearchParams(rawQuery)) (query[name] ??= []).push(value)
  return query
}

/** The last one derived from each credential: good for a day, a region and a service. */
const signingKeys = new WeakMap<AwsCredentials, { scope: string; key: Buffer }>()

function signingKey(credentials: AwsCredentials, scope: string): Buffer {
  const known = signingKeys.get(credentials)
  if (known?.scope === scope) return known.key
  let key = Buffer.from(`AWS4${credentials.secretAccessKey}`)
  for (const part of scope.split('/')) key = hmac(key).update(part).digest()
  signingKeys.set(credentials, { scope, key })
  return key
}

function hmac(key: Buffer) {
  return createHmac('sha256', key)
}
