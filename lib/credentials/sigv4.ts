import { SignatureV4 } from '@smithy/signature-v4'
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
 */
export async function signRequest(
  request: SignableRequest,
  { service, region }: SigningScope,
  credentials: AwsCredentials,
  date = new Date(),
): Promise<void> {
  const { method, scheme, host, path, headers, body } = request
  for (const name of OF_A_SIGNER) delete headers[name]
  // Said here, so that what is signed is what is sent.
  headers.host ??= authority(request)
  const signer = new SignatureV4({ service, region, credentials, sha256: NodeSha256, applyChecksum: false })
  const signed = await signer.sign(
    {
      method,
      protocol: `${scheme}:`,
      hostname: host,
      path,
      query: queryOf(request.rawQuery),
      headers: headersToSign(headers),
      body,
    },
    { signingDate: date },
  )
  for (const name of OF_A_SIGNER) {
    const value = signed.headers[name]
    if (value !== undefined) headers[name] = value
  }
}

function authority({ scheme, host, port }: SignableRequest): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return port === (scheme === 'https' ? 443 : 80) ? name : `${name}:${port}`
}

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
  for (const [name, value] of new URLSearchParams(rawQuery)) (query[name] ??= []).push(value)
  return query
}

type Bytes = string | ArrayBuffer | ArrayBufferView

/**
 * SHA-256, or HMAC of it where there is a key, as the signer asks for them: a shorter way than its own in JavaScript. It
 * gives all bytes in one call, so that a plain hash needs no object of OpenSSL's.
 */
class NodeSha256 {
  readonly #key: string | Uint8Array | undefined
  #data: string | Uint8Array | undefined

  constructor(key?: Bytes) {
    this.#key = key === undefined ? undefined : bytesOf(key)
  }

  update(data: Bytes): void {
    if (this.#data !== undefined) throw new Error('SHA-256 was given bytes in more than one call')
    this.#data = bytesOf(data)
  }

  digest(): Promise<Uint8Array> {
    const data = this.#data ?? ''
    return Promise.resolve(
      this.#key === undefined
        ? hash('sha256', data, 'buffer')
        : createHmac('sha256', this.#key).update(data).digest(),
    )
  }
}

function bytesOf(data: Bytes): string | Uint8Array {
  if (typeof data === 'string' || data instanceof Uint8Array) return data
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}
