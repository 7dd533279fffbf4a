import { SignatureV4 } from '@smithy/signature-v4'
import * as fc from 'fast-check'
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { signRequest, type AwsCredentials, type SignableRequest } from '../../../lib/credentials/sigv4.js'
import { emptyHeaders, type HeaderRecord } from '../../../lib/pdk/headers.js'

type SourceData = string | ArrayBuffer | ArrayBufferView

const VECTORS = new URL('../../fixtures/aws-sigv4/', import.meta.url)
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const SCOPE = { service: 'bedrock', region: 'eu-central-1' }
const DATE = new Date('2015-08-30T12:36:00Z')

describe("AWS's test vectors for signature version 4", () => {
  const names = readdirSync(VECTORS, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  it.each(names.map(({ name }) => name))('signs %s', (name) => {
    const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, VECTORS), 'utf8')
    const { credentials, region, service, timestamp } = JSON.parse(read('context.json')) as Context
    const request = parseHttp(read('request.txt'))
    const token = credentials.token
    signRequest(
      request,
      { service, region },
      {
        accessKeyId: credentials.access_key_id,
        secretAccessKey: credentials.secret_access_key,
        ...(token !== undefined && { sessionToken: token }),
      },
      new Date(timestamp),
    )
    expect(request.headers).toEqual(parseHttp(read('header-signed-request.txt')).headers)
  })
})

describe('a signed request', () => {
  it('covers host, content type, date and the bytes of the body, and no header that a proxy may touch', () => {
    const request = bedrock({ headers: { 'accept-encoding': 'identity', traceparent: '00-1-2-03' } })
    signRequest(request, SCOPE, KEYS, DATE)
    expect(request.headers).toEqual({
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      traceparent: '00-1-2-03',
      host: 'bedrock-runtime.eu-central-1.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization: byHand(request, '/model/m/converse'),
    })
  })

  it('hashes a body of text as the UTF-8 that goes out', () => {
    const text = bedrock({ body: '{"text":"häppchen 🥨"}' })
    const bytes = bedrock({ body: Buffer.from('{"text":"häppchen 🥨"}') })
    signRequest(text, SCOPE, KEYS, DATE)
    signRequest(bytes, SCOPE, KEYS, DATE)
    expect(text.headers.authorization).toBe(bytes.headers.authorization)
    expect(text.headers.authorization).toBe(byHand(text, '/model/m/converse'))
  })

  it('encodes the path once more than it goes over the wire', () => {
    const request = bedrock({ path: '/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream' })
    signRequest(request, SCOPE, KEYS, DATE)
    const canonical = '/model/anthropic.claude-3-haiku-20240307-v1%253A0/converse-stream'
    expect(request.headers.authorization).toBe(byHand(request, canonical))
    expect(request.path).toBe('/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream')
  })

  it('keeps the slash of an ARN within its segment', () => {
    const request = bedrock({ path: '/model/arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fx/converse' })
    signRequest(request, SCOPE, KEYS, DATE)
    const canonical = '/model/arn%253Aaws%253Abedrock%253A%253A1%253Ainference-profile%252Fx/converse'
    expect(request.headers.authorization).toBe(byHand(request, canonical))
  })

  it('names the port that is not the default one', () => {
    const request = bedrock({ scheme: 'http', host: '127.0.0.1', port: 8080 })
    signRequest(request, SCOPE, KEYS, DATE)
    expect(request.headers.host).toBe('127.0.0.1:8080')
    expect(request.headers.authorization).toBe(byHand(request, '/model/m/converse'))
  })

  it('leaves nothing of an earlier signature: not its token, and not a hash that somebody sent', () => {
    const headers = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', authorization: 'Bearer x' }
    const request = bedrock({ headers })
    signRequest(request, SCOPE, { ...KEYS, sessionToken: 'old' }, new Date(0))
    expect(request.headers['x-amz-security-token']).toBe('old')
    signRequest(request, SCOPE, KEYS, DATE)
    expect(Object.keys(request.headers).sort()).toEqual(
      ['authorization', 'content-type', 'host', 'x-amz-date'].sort(),
    )
    expect(request.headers.authorization).toBe(byHand(request, '/model/m/converse'))
  })
})

describe("the SDK's own signer", () => {
  const word = fc.constantFrom(
    'a',
    'B7',
    '-_.~',
    '.',
    '..',
    '%2F',
    '%3a',
    ' ',
    'ä🥨',
    "!'()*",
    '+',
    '@:$,;=&',
    '[|]',
  )
  const words = fc.array(word, { maxLength: 3 }).map((parts) => parts.join(''))
  const path = fc.array(words, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`)
  const parameter = fc.tuple(fc.constantFrom('a', 'b', 'B', 'X-Amz-Date', ''), words)
  const query = fc
    .array(parameter, { maxLength: 5 })
    .map((parameters) => new URLSearchParams(parameters).toString())
  const value = fc.array(fc.constantFrom('x', ' ', '  ', '\t', 'é', ',', '"q  q"'), { maxLength: 5 })
  const headers = fc.dictionary(
    fc.constantFrom(
      'host',
      'content-type',
      'x-amz-target',
      'x-amzn-trace-id',
      'x-amz-date',
      'date',
      'accept',
    ),
    fc.oneof(
      value.map((parts) => parts.join('')),
      fc.array(fc.constantFrom('one', 'two'), { minLength: 1 }),
    ),
  )
  const request = fc.record({
    scheme: fc.constantFrom('http', 'https'),
    host: fc.constantFrom('bedrock-runtime.eu-central-1.amazonaws.com', '127.0.0.1', '::1'),
    port: fc.constantFrom(80, 443, 8443),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    path,
    rawQuery: query,
    headers,
    body: fc.option(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      { nil: undefined },
    ),
  })
  const keys = fc.constantFrom<AwsCredentials[]>(
    KEYS,
    { ...KEYS, secretAccessKey: 'sécret' },
    { ...KEYS, sessionToken: 'IQoJb3JpZ2luX2VjE//+=' },
  )
  const scope = fc.record({
    service: fc.constantFrom('bedrock', 'sts'),
    region: fc.constantFrom('eu-central-1', 'us-east-1'),
  })
  const date = fc.date({ min: new Date(0), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })

  it('signs each request alike', async () => {
    await fc.assert(
      fc.asyncProperty(
        request,
        scope,
        keys,
        date,
        async (parts, { service, region }, credentials, signingDate) => {
          const ours = { ...parts, headers: Object.assign(emptyHeaders(), parts.headers) }
          signRequest(ours, { service, region }, credentials, signingDate)
          const signer = new SignatureV4({
            service,
            region,
            credentials,
            sha256: Sha256,
            applyChecksum: false,
          })
          const theirs = await signer.sign(
            {
              method: parts.method,
              protocol: `${parts.scheme}:`,
              hostname: parts.host,
              path: parts.path,
              query: bagOf(parts.rawQuery),
              headers: ofTheSignature({ ...parts.headers, host: ours.headers.host! }),
              body: parts.body,
            },
            { signingDate },
          )
          for (const name of ['authorization', 'x-amz-date', 'x-amz-security-token']) {
            expect(ours.headers[name]).toBe(theirs.headers[name])
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

/** What the signer is to cover, each with its first value. */
function ofTheSignature(headers: HeaderRecord): Record<string, string> {
  const covered = Object.entries(headers).filter(([name]) => /^(?:host|content-type|x-amz.*)$/.test(name))
  return Object.fromEntries(covered.map(([name, value]) => [name, Array.isArray(value) ? value[0]! : value]))
}

function bagOf(rawQuery: string): Record<string, string[]> {
  const query = new URLSearchParams(rawQuery)
  return Object.fromEntries(Array.from(query.keys(), (name) => [name, query.getAll(name)]))
}

class Sha256 {
  readonly #hash: Hash | Hmac

  constructor(key?: SourceData) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key as Uint8Array)
  }

  update(data: SourceData): void {
    this.#hash.update(data as Uint8Array)
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }
}

interface Context {
  credentials: { access_key_id: string; secret_access_key: string; token?: string }
  region: string
  service: string
  timestamp: string
}

/** A request of the test suite: HTTP/1.1 but for its path, which may hold anything. */
function parseHttp(text: string): SignableRequest {
  const [head = '', body = ''] = text.split('\n\n')
  const [line = '', ...fields] = head.split('\n').filter((field) => field !== '')
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/1\.1$/.exec(line) ?? []
  const [path = '', rawQuery = ''] = target.split('?')
  const headers = emptyHeaders()
  for (const field of fields) {
    const colon = field.indexOf(':')
    headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1)
  }
  return { scheme: 'https', host: 'example.amazonaws.com', port: 443, method, path, rawQuery, headers, body }
}

function bedrock({ headers, ...parts }: Partial<SignableRequest>): SignableRequest {
  return {
    scheme: 'https',
    host: 'bedrock-runtime.eu-central-1.amazonaws.com',
    port: 443,
    method: 'POST',
    path: '/model/m/converse',
    rawQuery: '',
    body: '{"messages":[]}',
    ...parts,
    headers: Object.assign(emptyHeaders(), { 'content-type': 'application/json' }, headers),
  }
}

/** The header by AWS's description, step by step, for a request without query and session token. */
function byHand({ body, headers }: { body: unknown; headers: HeaderRecord }, canonicalPath: string): string {
  const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()
  const names = ['content-type', 'host', 'x-amz-date']
  const lines = names.map((name) => `${name}:${String(headers[name])}`)
  const canonical = ['POST', canonicalPath, '', ...lines, '', names.join(';'), sha256(body as string)]
  const scope = '20150830/eu-central-1/bedrock/aws4_request'
  const toSign = ['AWS4-HMAC-SHA256', '20150830T123600Z', scope, sha256(canonical.join('\n'))]
  let key: string | Buffer = `AWS4${KEYS.secretAccessKey}`
  for (const part of scope.split('/')) key = hmac(key, part)
  const signature = hmac(key, toSign.join('\n')).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}
