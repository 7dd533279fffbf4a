import { getGlobalDispatcher, MockAgent, setGlobalDispatcher, type Dispatcher } from 'undici'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { assumeRole } from '../../../lib/credentials/assume-role.js'

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's' }
const ANSWER = `<Credentials><AccessKeyId>ASIA000000000001</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
  <SessionToken>t</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>`

let before: Dispatcher
let agent: MockAgent

beforeEach(() => {
  before = getGlobalDispatcher()
  agent = new MockAgent()
  agent.disableNetConnect()
  setGlobalDispatcher(agent)
})
afterEach(async () => {
  setGlobalDispatcher(before)
  await agent.close()
})

it.each([
  ['https://sts.eu-central-1.amazonaws.com', 'eu-central-1', undefined, 'eu-central-1'],
  ['https://sts.cn-north-1.amazonaws.com.cn', 'cn-north-1', undefined, 'cn-north-1'],
  ['https://sts.amazonaws.com', 'eu-central-1', 'https://sts.amazonaws.com', 'us-east-1'],
  [
    'https://sts.us-west-2.amazonaws.com',
    'eu-central-1',
    'https://sts.us-west-2.amazonaws.com/',
    'us-west-2',
  ],
  [
    'https://vpce-1.sts.eu-west-1.vpce.amazonaws.com',
    'eu-central-1',
    'https://vpce-1.sts.eu-west-1.vpce.amazonaws.com',
    'eu-west-1',
  ],
  ['https://sts.internal.test:8443', 'eu-central-1', 'https://sts.internal.test:8443', 'eu-central-1'],
])('calls %s for Bedrock in %s and endpoint %s, signed for %s', async (url, region, endpoint, signedFor) => {
  let authorization: string | undefined
  agent
    .get(url)
    .intercept({
      path: '/',
      method: 'POST',
      headers: (headers) => {
        authorization = headers.authorization
        return true
      },
    })
    .reply(200, ANSWER)
  const role = { region, arn: 'arn', sessionName: 'kong', endpoint }
  expect(await assumeRole(role, KEYS, new AbortController().signal)).toEqual({
    value: { accessKeyId: 'ASIA000000000001', secretAccessKey: 's', sessionToken: 't' },
    expiresAt: Date.UTC(2026, 0, 1),
  })
  expect(authorization).toContain(`/${signedFor}/sts/aws4_request`)
})
