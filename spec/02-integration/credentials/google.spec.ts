import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { googleAuthorizer } from '../../../lib/credentials/google.js'
import { origin, type Origin } from '../../support/origin.js'
import { authorized, refused } from './support.js'

const MINUTE = 60_000
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

let server: Origin
let status = 200
let body: (call: number) => object

beforeEach(async () => {
  status = 200
  body = (call) => ({ access_token: `ya29.${call}`, expires_in: 3599, token_type: 'Bearer' })
  server = await origin((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body(server.requests.length)))
  })
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await server.close()
})

const account = (more: object = {}): string =>
  JSON.stringify({
    type: 'service_account',
    project_id: 'p',
    private_key_id: 'key-1',
    private_key: privateKey,
    client_email: 'llm@p.iam.gserviceaccount.com',
    token_uri: `${server.url}/token`,
    ...more,
  })

describe('a service account', () => {
  it('signs an assertion with its key and exchanges it for a token', async () => {
    const headers = await authorized(googleAuthorizer({ gcp_service_account_json: account() }, {}))
    expect(headers).toEqual({ authorization: 'Bearer ya29.1' })
    const form = new URLSearchParams(server.requests[0]!.body.toString())
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    const [header = '', claims = '', signature = ''] = form.get('assertion')!.split('.')
    const signed = Buffer.from(`${header}.${claims}`)
    expect(verify('RSA-SHA256', signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
    expect(decode(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
    const now = Math.floor(Date.now() / 1000)
    expect(decode(claims)).toEqual({
      iss: 'llm@p.iam.gserviceaccount.com',
      scope: SCOPE,
      aud: `${server.url}/token`,
      iat: now,
      exp: now + 3600,
    })
  })

  it('goes to the configured token endpoint, and still names the one that it is meant for', async () => {
    const json = account({ token_uri: 'https://oauth2.googleapis.com/token' })
    const auth = { gcp_service_account_json: json, gcp_oauth_token_url: `${server.url}/private` }
    await authorized(googleAuthorizer(auth, {}))
    expect(server.requests[0]!.url).toBe('/private')
    const form = new URLSearchParams(server.requests[0]!.body.toString())
    expect(decode(form.get('assertion')!.split('.')[1]!)).toMatchObject({
      aud: 'https://oauth2.googleapis.com/token',
    })
  })

  it('comes from GCP_SERVICE_ACCOUNT where the config has none', async () => {
    const headers = await authorized(googleAuthorizer({}, { GCP_SERVICE_ACCOUNT: account() }))
    expect(headers.authorization).toBe('Bearer ya29.1')
  })

  it('gets one token for requests that come together, and another when that is over', async () => {
    const authorize = googleAuthorizer({ gcp_service_account_json: account() }, {})
    await Promise.all([authorized(authorize), authorized(authorize)])
    await authorized(authorize)
    expect(server.requests).toHaveLength(1)
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect((await authorized(authorize)).authorization).toBe('Bearer ya29.2')
  })

  it("is refused with Google's code", async () => {
    status = 400
    body = () => ({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' })
    const error = await refused(googleAuthorizer({ gcp_service_account_json: account() }, {}))
    expect(error.message).toBe("Google's token endpoint answered 400: invalid_grant")
  })

  it.each([
    ["the Google service account's JSON is not a JSON object", () => 'no JSON'],
    ["the Google service account's JSON has no client_email or no private_key", () => '{}'],
    ["the Google service account's private_key cannot sign", () => account({ private_key: 'no PEM' })],
    ["the Google service account's JSON must be of type", () => account({ type: 'external_account' })],
  ])('is refused with: %s', async (message, json) => {
    const error = await refused(googleAuthorizer({ gcp_service_account_json: json() }, {}))
    expect(error.message).toContain(message)
    expect(server.requests).toEqual([])
  })

  it.each([
    {},
    { access_token: 'x' },
    { access_token: '', expires_in: 1 },
    { access_token: 'x\r\nb: c', expires_in: 1 },
  ])('takes no answer without a token or its time: %j', async (answer) => {
    body = () => answer
    const error = await refused(googleAuthorizer({ gcp_service_account_json: account() }, {}))
    expect(error.message).toBe("Google's token endpoint answered without a token or its time")
  })
})

describe('the metadata server', () => {
  it('gives the token of the machine or pod', async () => {
    const headers = await authorized(googleAuthorizer({ gcp_metadata_url: `${server.url}/` }, {}))
    expect(headers.authorization).toBe('Bearer ya29.1')
    const { url, headers: sent } = server.requests[0]!
    expect(url).toBe(
      `/computeMetadata/v1/instance/service-accounts/default/token?scopes=${encodeURIComponent(SCOPE)}`,
    )
    expect(sent['metadata-flavor']).toBe('Google')
  })

  it('is where GCE_METADATA_HOST says', async () => {
    const env = { GCE_METADATA_HOST: `127.0.0.1:${server.port}` }
    expect((await authorized(googleAuthorizer({}, env))).authorization).toBe('Bearer ya29.1')
  })

  it('that cannot be reached is named', async () => {
    const gone = server.url
    await server.close()
    const error = await refused(googleAuthorizer({ gcp_metadata_url: gone }, {}))
    expect(error.message).toBe(`Google's metadata server at ${gone} cannot be reached: ECONNREFUSED`)
  })
})

describe('GOOGLE_APPLICATION_CREDENTIALS', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'google-'))
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p')
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path.join(folder, 'adc.json'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it('names a file that federates the identity of another cloud', async () => {
    const subject = path.join(folder, 'subject')
    writeFileSync(subject, 'subject-token')
    const file = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${server.url}/sts`,
      credential_source: { file: subject },
    }
    writeFileSync(path.join(folder, 'adc.json'), JSON.stringify(file))
    const authorize = googleAuthorizer({})
    expect((await authorized(authorize)).authorization).toBe('Bearer ya29.1')
    await authorized(authorize)
    expect(server.requests.map(({ url }) => url)).toEqual(['/sts'])
    expect(String(server.requests[0]!.body)).toContain('subject_token=subject-token')
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect((await authorized(authorize)).authorization).toBe('Bearer ya29.2')
  })

  it('gives nothing where there is no such file', async () => {
    expect((await refused(googleAuthorizer({}))).message).toMatch(
      /^GOOGLE_APPLICATION_CREDENTIALS gave no access token: \w+$/,
    )
  })
})

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
