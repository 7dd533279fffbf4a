import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { awsAuthorizer } from '../../../lib/credentials/aws.js'
import { origin, type Origin } from '../../support/origin.js'
import { authorized, refused } from './support.js'

const MINUTE = 60_000
const KEYS = { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'own-secret' }

let server: Origin
let status = 200
let body: (call: number) => string

const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * MINUTE).toISOString()

beforeEach(async () => {
  status = 200
  server = await origin((_request, response) => {
    response.writeHead(status)
    response.end(body(server.requests.length))
  })
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await server.close()
})

describe('an assumed role', () => {
  const ARN = 'arn:aws:iam::123456789012:role/llm'

  const role = (more: object = {}) =>
    awsAuthorizer(
      KEYS,
      {
        bedrock: {
          aws_region: 'eu-central-1',
          aws_assume_role_arn: ARN,
          aws_sts_endpoint_url: server.url,
          ...more,
        },
      },
      {},
    )

  beforeEach(() => {
    body = (call) => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleResult>
        <AssumedRoleUser><Arn>${ARN}</Arn></AssumedRoleUser>
        <Credentials>
          <AccessKeyId>ASIAROLE${String(call).padStart(8, '0')}</AccessKeyId>
          <SecretAccessKey>role/secret+${call}</SecretAccessKey>
          <SessionToken>session/token+${call}==</SessionToken>
          <Expiration>${inMinutes(60)}</Expiration>
        </Credentials>
      </AssumeRoleResult>
    </AssumeRoleResponse>`
  })

  it('is asked for by one signed call, and signs with what it got', async () => {
    const headers = await authorized(role({ aws_role_session_name: 'gateway' }))
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ASIAROLE00000001\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, /,
    )
    expect(headers['x-amz-security-token']).toBe('session/token+1==')
    const call = server.requests[0]!
    expect(Object.fromEntries(new URLSearchParams(call.body.toString()))).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: ARN,
      RoleSessionName: 'gateway',
    })
    expect(call).toMatchObject({ method: 'POST', url: '/' })
    expect(call.headers).toMatchObject({
      host: `127.0.0.1:${server.port}`,
      authorization: expect.stringMatching(
        /Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/sts\/aws4_request, SignedHeaders=content-type;host;x-amz-date,/,
      ),
    })
  })

  it('is shared by requests that come together, and by later ones', async () => {
    const authorize = role()
    await Promise.all([authorized(authorize), authorized(authorize)])
    await authorized(authorize)
    expect(server.requests).toHaveLength(1)
    expect(String(server.requests[0]!.body)).toContain('RoleSessionName=kong')
  })

  it('is assumed again when its session is over', async () => {
    const authorize = role()
    await authorized(authorize)
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect((await authorized(authorize))['x-amz-security-token']).toBe('session/token+2==')
  })

  it('is refused with the code of AWS, and without its message, which may quote the request', async () => {
    status = 403
    body = () =>
      '<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:abc</Message></Error></ErrorResponse>'
    expect((await refused(role())).message).toBe('the AWS STS endpoint answered 403: SignatureDoesNotMatch')
  })

  it.each([
    '',
    '<Credentials></Credentials>',
    '<Credentials><AccessKeyId>A\r\nB: c</AccessKeyId></Credentials>',
  ])('is refused where the answer holds no credentials: %j', async (answer) => {
    body = () => answer
    expect((await refused(role())).message).toBe('the AWS STS endpoint answered without credentials')
  })

  it('is refused where the endpoint is no URL', async () => {
    const error = await refused(role({ aws_sts_endpoint_url: 'sts' }))
    expect(error.message).toBe('the AWS STS endpoint is not configured as a URL')
  })
})

describe('the default chain', () => {
  it("gets a container's credentials, and gets them anew before they end", async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_ROLE_ARN']) {
      vi.stubEnv(name, undefined)
    }
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', undefined)
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${server.url}/creds`)
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'pod')
    body = (call) =>
      JSON.stringify({
        AccessKeyId: `ASIAPOD${call}`,
        SecretAccessKey: 'pod-secret',
        Token: `pod-token-${call}`,
        Expiration: inMinutes(60),
      })
    const authorize = awsAuthorizer({}, { bedrock: { aws_region: 'eu-central-1' } })
    expect((await authorized(authorize))['x-amz-security-token']).toBe('pod-token-1')
    expect((await authorized(authorize)).authorization).toContain('Credential=ASIAPOD1/')
    expect(server.requests.map((request) => request.headers.authorization)).toEqual(['pod'])
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect((await authorized(authorize))['x-amz-security-token']).toBe('pod-token-2')
  })

  it('says so where it finds nothing', async () => {
    for (const name of Object.keys(process.env).filter((key) => key.startsWith('AWS_'))) {
      vi.stubEnv(name, undefined)
    }
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    const error = await refused(awsAuthorizer({}, { bedrock: { aws_region: 'eu-central-1' } }))
    expect(error.message).toBe("AWS's default credential chain: CredentialsProviderError")
  })
})
