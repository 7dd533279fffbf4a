import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { signRequest } from '../../../lib/credentials/sigv4.js'
import type { JsonObject } from '../../../lib/llm/json.js'
import { startMock } from '../../../lib/mock/server.js'
import { emptyHeaders } from '../../../lib/pdk/headers.js'
import { aiConfig, aiGateway, errorOf, messages, post } from '../../support/ai-gateway.js'
import { closing } from '../../support/closing.js'
import { answering, JSON_TYPE, type Provider } from '../../support/ai-provider.js'
import { origin, type OriginRequest } from '../../support/origin.js'

/** What names a cloud's credential on the machine that runs the specs. */
const VARIABLES = /^(?:AWS|AZURE|GCP|GOOGLE|GCE|IDENTITY)_/

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (VARIABLES.test(name)) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

/** A vault has nothing for it. */
const EMPTY = '{vault://env/no-such-variable}'

const ANSWERS: Readonly<Record<string, JsonObject>> = {
  bedrock: {
    output: { message: { role: 'assistant', content: [{ text: 'Hi' }] } },
    stopReason: 'end_turn',
    usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
  },
  gemini: { candidates: [{ content: { parts: [{ text: 'Hi' }], role: 'model' }, finishReason: 'STOP' }] },
  azure: { choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }] },
}
const OPTIONS: Readonly<Record<string, JsonObject>> = {
  bedrock: { bedrock: { aws_region: 'eu-central-1' } },
  gemini: {},
  azure: { azure_instance: 'i', azure_deployment_id: 'd' },
}

const CLIENTS = {
  authorization: 'Bearer sk-of-the-client',
  'x-goog-api-key': 'sk-of-the-client',
  'api-key': 'sk-of-the-client',
}

async function running(provider: string, auth: JsonObject, options: JsonObject = {}, settings = {}) {
  const upstream = await answering(200, JSON_TYPE, JSON.stringify(ANSWERS[provider]))
  const model = { provider, name: 'some-model', options: { ...OPTIONS[provider], ...options } }
  const config = aiConfig(upstream.url, { auth: { allow_override: false, ...auth }, model })
  return { upstream, gateway: await aiGateway(config, { settings }) }
}

type Running = Awaited<ReturnType<typeof running>>

async function sent({ gateway, upstream }: Running): Promise<OriginRequest> {
  const response = await post(gateway, { messages }, { headers: CLIENTS, path: '/chat?key=sk-of-the-client' })
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hi' } }] })
  return last(upstream)
}

function last({ requests }: Provider): OriginRequest {
  const request = requests.at(-1)!
  expect(JSON.stringify(request.headers) + request.url).not.toContain('of-the-client')
  return request
}

/** A request that could not get its credential: what the client and the log are told. */
async function rejected({ gateway, upstream }: Running) {
  const response = await post(gateway, { messages }, { headers: CLIENTS })
  const headers = JSON.stringify([...response.headers])
  const { status, error } = await errorOf(response)
  expect({ status, message: error.message, sent: upstream.requests.length }).toEqual({
    status: 500,
    message: 'LLM request failed before proxying',
    sent: 0,
  })
  const reasons = gateway.problems.flatMap(({ fields }) =>
    fields.err instanceof Error ? [fields.err.message] : [],
  )
  return {
    reason: reasons.join(),
    told: headers + JSON.stringify(error),
    log: JSON.stringify(gateway.problems) + reasons.join(),
  }
}

const mocked = async (run: Running) =>
  (await post(run.gateway, { messages })).headers.get('x-kong-ai-mock') === '1'

describe('Bedrock', () => {
  const KEYS = { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'aws-secret-of-the-config' }

  /** The signature that the bytes on the wire should have. */
  function signatureOf(
    { method, url, headers, body }: OriginRequest,
    region: string,
    keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'aws-secret-of-the-config' },
  ) {
    const { pathname, search, hostname, port } = new URL(url, `http://${headers.host}`)
    const signed = Object.assign(emptyHeaders(), {
      host: headers.host,
      'content-type': headers['content-type'],
    })
    const request = {
      scheme: 'http',
      host: hostname,
      port: Number(port),
      method,
      path: pathname,
      rawQuery: search.slice(1),
      headers: signed,
      body,
    } as const
    const stamp = String(headers['x-amz-date']).replace(
      /^(....)(..)(..)T(..)(..)(..)Z$/,
      '$1-$2-$3T$4:$5:$6Z',
    )
    signRequest(request, { service: 'bedrock', region }, keys, new Date(stamp))
    return signed.authorization
  }

  it('is sent requests signed over the bytes that go out', async () => {
    const request = await sent(await running('bedrock', KEYS))
    expect(request.headers.authorization).toBe(signatureOf(request, 'eu-central-1'))
    expect(request.headers['x-amz-security-token']).toBeUndefined()
    expect(JSON.stringify(request.headers)).not.toContain('aws-secret')
  })

  it('is sent streams signed, too', async () => {
    const { gateway, upstream } = await running('bedrock', KEYS)
    await (await post(gateway, { messages, stream: true })).text()
    const request = last(upstream)
    expect(request.url).toBe('/model/some-model/converse-stream')
    expect(request.headers.authorization).toBe(signatureOf(request, 'eu-central-1'))
  })

  it("takes the environment's keys, session token and region where the config has none", async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDOFENV')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'aws-secret-of-env')
    vi.stubEnv('AWS_SESSION_TOKEN', 'token-of-env')
    vi.stubEnv('AWS_REGION', 'ap-south-1')
    const { headers } = await sent(await running('bedrock', {}, { bedrock: {} }))
    expect(headers.authorization).toMatch(/Credential=AKIDOFENV\/\d{8}\/ap-south-1\/bedrock\/aws4_request/)
    expect(headers['x-amz-security-token']).toBe('token-of-env')
  })

  it('takes an API key of its own in place of a signature', async () => {
    const { headers } = await sent(
      await running('bedrock', { header_name: 'Authorization', header_value: 'Bearer bedrock-api-key' }),
    )
    expect(headers.authorization).toBe('Bearer bedrock-api-key')
    expect(headers['x-amz-date']).toBeUndefined()
  })

  it('is asked as the assumed role, which is asked for once', async () => {
    const sts = closing(
      await origin((_, response) => {
        response.end(`<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE00000001</AccessKeyId>
          <SecretAccessKey>role/secret</SecretAccessKey><SessionToken>role/token</SessionToken>
          <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
      }),
    )
    const bedrock = {
      aws_region: 'eu-central-1',
      aws_assume_role_arn: 'arn:aws:iam::123456789012:role/llm',
      aws_sts_endpoint_url: sts.url,
    }
    const run = await running('bedrock', KEYS, { bedrock })
    const { headers } = await sent(run)
    await sent(run)
    expect(headers.authorization).toContain('Credential=ASIAROLE00000001/')
    expect(headers['x-amz-security-token']).toBe('role/token')
    expect(sts.requests).toHaveLength(1)
  })

  it('is not asked with half a pair of keys', async () => {
    const { aws_secret_access_key } = KEYS
    const { reason, told, log } = await rejected(await running('bedrock', { aws_secret_access_key }))
    expect(reason).toBe('half a pair of AWS keys is configured: no aws_access_key_id')
    expect(told + log).not.toContain(aws_secret_access_key)
  })

  it('is not asked where nobody says in which region', async () => {
    const { gateway } = await running('bedrock', KEYS, { bedrock: {} })
    const { status, error } = await errorOf(await post(gateway, { messages }))
    expect({ status, ...error }).toMatchObject({ status: 500, message: 'AWS region not specified anywhere' })
  })

  it.each([
    ['nobody named a key', {}, {}, true],
    ['the vault had no key', { aws_access_key_id: EMPTY, aws_secret_access_key: EMPTY }, {}, true],
    ['the config has keys', KEYS, {}, false],
    ['the environment has keys', {}, { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'x' }, false],
  ])('is played by the mock if there is one, where %s', async (_, auth, env, byMock) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    const { url } = closing(await startMock({ pace: 0 }))
    expect(await mocked(await running('bedrock', auth, {}, { mockUrl: url }))).toBe(byMock)
  })
})

describe('Gemini', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const account = JSON.stringify({
    type: 'service_account',
    client_email: 'gateway@project.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  })

  const tokens = async (status = 200) =>
    closing(
      await origin((_, response) => {
        response.writeHead(status, JSON_TYPE)
        response.end(JSON.stringify({ access_token: 'ya29.token', expires_in: 3600, token_type: 'Bearer' }))
      }),
    )

  it('has its key in a header', async () => {
    const { headers, url } = await sent(
      await running('gemini', { header_name: 'x-goog-api-key', header_value: 'g-key' }),
    )
    expect(headers['x-goog-api-key']).toBe('g-key')
    expect(url).toBe('/v1beta/models/some-model:generateContent')
  })

  it('has its key in the query, beside how it is to answer', async () => {
    const run = await running('gemini', { param_name: 'key', param_value: 'g-key', param_location: 'query' })
    expect((await sent(run)).url).toBe('/v1beta/models/some-model:generateContent?key=g-key')
    await (await post(run.gateway, { messages, stream: true })).text()
    expect(last(run.upstream).url).toBe('/v1beta/models/some-model:streamGenerateContent?alt=sse&key=g-key')
  })

  it("has a service account's token, got once", async () => {
    const endpoint = await tokens()
    const auth = {
      gcp_use_service_account: true,
      gcp_service_account_json: account,
      gcp_oauth_token_url: endpoint.url,
    }
    const run = await running('gemini', auth)
    expect((await sent(run)).headers.authorization).toBe('Bearer ya29.token')
    await Promise.all([sent(run), sent(run)])
    expect(endpoint.requests).toHaveLength(1)
  })

  it("has the token of the machine's account", async () => {
    const metadata = await tokens()
    const run = await running('gemini', { gcp_use_service_account: true, gcp_metadata_url: metadata.url })
    expect((await sent(run)).headers.authorization).toBe('Bearer ya29.token')
    expect(metadata.requests[0]?.headers['metadata-flavor']).toBe('Google')
  })

  it('is not asked without the token that there should be', async () => {
    const endpoint = await tokens(403)
    const auth = {
      gcp_use_service_account: true,
      gcp_service_account_json: account,
      gcp_oauth_token_url: endpoint.url,
    }
    const { reason, told, log } = await rejected(await running('gemini', auth))
    expect(reason).toContain("Google's token endpoint answered 403")
    expect(told + log).not.toMatch(/PRIVATE KEY|ya29|gserviceaccount/)
  })

  it.each([
    ['nobody named an account', { gcp_use_service_account: true }, true],
    ['the vault had none', { gcp_use_service_account: true, gcp_service_account_json: EMPTY }, true],
    ['its key is in a header', { header_name: 'x-goog-api-key', header_value: 'g-key' }, false],
  ])('is played by the mock if there is one, where %s', async (_, auth, byMock) => {
    const { url } = closing(await startMock({ pace: 0 }))
    expect(await mocked(await running('gemini', auth, {}, { mockUrl: url }))).toBe(byMock)
  })
})

describe('Azure', () => {
  const entra = async (status = 200) =>
    closing(
      await origin((_, response) => {
        response.writeHead(status, JSON_TYPE)
        response.end(
          JSON.stringify(
            status === 200 ? { access_token: 'eyJ.token', expires_in: 3600 } : { error: 'invalid_client' },
          ),
        )
      }),
    )
  const SECRET = {
    azure_client_id: 'app',
    azure_tenant_id: 'tenant',
    azure_client_secret: 'azure-client-secret',
  }

  it.each([
    ['header', 'api-key', 'azure-key'],
    ['header', 'Authorization', 'Bearer azure-token'],
  ])('has its key in the %s %s', async (_, header_name, header_value) => {
    const { headers } = await sent(await running('azure', { header_name, header_value }))
    expect(headers[header_name.toLowerCase()]).toBe(header_value)
  })

  it("has an application's token, got once by its secret", async () => {
    const server = await entra()
    vi.stubEnv('AZURE_AUTHORITY_HOST', server.url)
    const run = await running('azure', SECRET)
    const request = await sent(run)
    await sent(run)
    expect(request.headers.authorization).toBe('Bearer eyJ.token')
    expect(JSON.stringify(request.headers)).not.toContain('azure-client-secret')
    expect(server.requests.map(({ url }) => url)).toEqual(['/tenant/oauth2/v2.0/token'])
  })

  it('has the token of its managed identity, of the one that is named', async () => {
    const server = await entra()
    vi.stubEnv('IDENTITY_ENDPOINT', `${server.url}/msi/token`)
    vi.stubEnv('IDENTITY_HEADER', 'identity-header')
    const run = await running('azure', { azure_use_managed_identity: true, azure_client_id: 'one-of-many' })
    expect((await sent(run)).headers.authorization).toBe('Bearer eyJ.token')
    expect(server.requests[0]?.url).toContain('client_id=one-of-many')
  })

  it('is not asked where the application is refused', async () => {
    const server = await entra(401)
    vi.stubEnv('AZURE_AUTHORITY_HOST', server.url)
    const { reason, told, log } = await rejected(await running('azure', SECRET))
    expect(reason).toBe("Azure's token endpoint answered 401: invalid_client")
    expect(told + log).not.toContain('azure-client-secret')
  })

  it.each([
    ['nobody named an identity', { azure_use_managed_identity: true }, true],
    ['the vault had no secret', { ...SECRET, azure_client_secret: EMPTY }, true],
    ['its key is in a header', { header_name: 'api-key', header_value: 'azure-key' }, false],
  ])('is played by the mock if there is one, where %s', async (_, auth, byMock) => {
    const { url } = closing(await startMock({ pace: 0 }))
    expect(await mocked(await running('azure', auth, {}, { mockUrl: url }))).toBe(byMock)
  })
})
