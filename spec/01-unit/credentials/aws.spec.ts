import { describe, expect, it } from 'vitest'
import { awsAuthorizer, awsRegion } from '../../../lib/credentials/aws.js'
import { ChatError } from '../../../lib/llm/errors.js'
import { upstreamRequest } from '../../02-integration/credentials/support.js'

const IN_FRANKFURT = { bedrock: { aws_region: 'eu-central-1' } }

describe('the region', () => {
  it.each([
    ['eu-west-1', { aws_region: 'eu-west-1' }, { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-2' }],
    ['us-east-1', {}, { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-2' }],
    ['us-east-2', { aws_region: '' }, { AWS_REGION: '', AWS_DEFAULT_REGION: 'us-east-2' }],
  ])('is %s: the config before AWS_REGION before AWS_DEFAULT_REGION', (region, bedrock, env) => {
    expect(awsRegion({ bedrock }, env)).toBe(region)
  })

  it("is missed in Kong's words", () => {
    expect(() => awsRegion({}, {})).toThrow(
      new ChatError(500, 'AWS region not specified anywhere', { param: 'bedrock.aws_region' }),
    )
  })

  it('cannot smuggle anything into a host name', () => {
    expect(() => awsRegion({ bedrock: { aws_region: 'x.evil.test/' } }, {})).toThrow(ChatError)
  })
})

describe('the keys', () => {
  const ENV = { AWS_ACCESS_KEY_ID: 'ENVKEY', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 'session' }

  async function signedWith(auth: object, env: Record<string, string>) {
    const request = upstreamRequest()
    await awsAuthorizer(auth, IN_FRANKFURT, env)(request)
    const key = /Credential=(\w+)\/\d{8}\/eu-central-1\/bedrock\//.exec(String(request.headers.authorization))
    return { key: key?.[1], token: request.headers['x-amz-security-token'] }
  }

  it('are those of the config, without the session token of other keys', async () => {
    const auth = { aws_access_key_id: 'OWNKEY', aws_secret_access_key: 'o' }
    expect(await signedWith(auth, ENV)).toEqual({ key: 'OWNKEY', token: undefined })
  })

  it('are else those of the environment, with their session token', async () => {
    expect(await signedWith({}, ENV)).toEqual({ key: 'ENVKEY', token: 'session' })
  })

  it('count as absent where a vault gave nothing', async () => {
    const auth = { aws_access_key_id: '', aws_secret_access_key: '' }
    expect(await signedWith(auth, ENV)).toEqual({ key: 'ENVKEY', token: 'session' })
  })

  it.each([
    ['aws_secret_access_key', { aws_access_key_id: 'OWNKEY' }],
    ['aws_access_key_id', { aws_secret_access_key: 'o' }],
  ])('are refused where %s is missing', async (missing, auth) => {
    await expect(signedWith(auth, {})).rejects.toThrow(`half a pair of AWS keys is configured: no ${missing}`)
  })
})

it('signs at once, but for the first request', async () => {
  const authorize = awsAuthorizer({}, IN_FRANKFURT, { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's' })
  await authorize(upstreamRequest())
  const request = upstreamRequest()
  expect(authorize(request)).toBeUndefined()
  expect(request.headers.authorization).toContain('Credential=k/')
  await expect(authorize(upstreamRequest({ body: undefined }))).rejects.toThrow('cannot be signed')
})

it('does not sign a body that nobody has read', async () => {
  const authorize = awsAuthorizer({}, IN_FRANKFURT, { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's' })
  const request = upstreamRequest({ body: undefined })
  await expect(authorize(request)).rejects.toThrow('cannot be signed')
  expect(request.headers).toEqual({})
})
