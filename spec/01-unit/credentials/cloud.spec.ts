import { describe, expect, it } from 'vitest'
import {
  CloudAuthorizers,
  namesCloudCredential,
  usesCloud,
  type CloudAuth,
} from '../../../lib/credentials/cloud.js'

describe('authorizers of the clouds', () => {
  const inRegion = (aws_region: string) => ({ bedrock: { aws_region } })

  it('are one for each distinct config', () => {
    const authorizers = new CloudAuthorizers({})
    const first = authorizers.of('bedrock', {}, inRegion('eu-central-1'))
    expect(first).toBeTypeOf('function')
    expect(authorizers.of('bedrock', {}, inRegion('eu-central-1'))).toBe(first)
    expect(authorizers.of('bedrock', {}, inRegion('us-east-1'))).not.toBe(first)
    expect(authorizers.of('bedrock', { aws_access_key_id: 'other' }, inRegion('eu-central-1'))).not.toBe(
      first,
    )
  })

  it('are others where another provider, auth or options are given than the last time', () => {
    const authorizers = new CloudAuthorizers({})
    const auth = { azure_use_managed_identity: true, gcp_use_service_account: true }
    const options = inRegion('eu-central-1')
    const bedrock = authorizers.of('bedrock', auth, options)
    expect(authorizers.of('bedrock', auth, options)).toBe(bedrock)
    expect(authorizers.of('gemini', auth, options)).not.toBe(bedrock)
    expect(authorizers.of('bedrock', {}, options)).not.toBe(bedrock)
    expect(authorizers.of('bedrock', auth, inRegion('us-east-1'))).not.toBe(bedrock)
    expect(authorizers.of('openai', auth, options)).toBeUndefined()
    expect(authorizers.of('bedrock', auth, options)).toBe(bedrock)
  })

  it('are a hundred at most: the one that was not used for the longest time goes', () => {
    const authorizers = new CloudAuthorizers({})
    const kept = authorizers.of('bedrock', {}, inRegion('kept'))
    const gone = authorizers.of('bedrock', {}, inRegion('gone'))
    for (let i = 0; i < 99; i++) {
      authorizers.of('bedrock', {}, inRegion(`region-${i}`))
      expect(authorizers.of('bedrock', {}, inRegion('kept'))).toBe(kept)
    }
    expect(authorizers.of('bedrock', {}, inRegion('gone'))).not.toBe(gone)
  })

  it.each<[provider: string, auth: CloudAuth, used: boolean]>([
    ['openai', { azure_use_managed_identity: true, gcp_use_service_account: true }, false],
    ['bedrock', {}, true],
    ['bedrock', { header_name: 'x-other' }, true],
    ['bedrock', { header_name: 'Authorization' }, false],
    ['bedrock', { header_name: 'Authorization', aws_access_key_id: 'AKID' }, true],
    ['gemini', { gcp_service_account_json: '{}' }, false],
    ['gemini', { gcp_use_service_account: true }, true],
    ['azure', { azure_client_id: 'id' }, false],
    ['azure', { azure_client_secret: 'secret' }, true],
  ])('are there for %s with %j: %s', (provider, auth, used) => {
    expect(usesCloud(provider, auth)).toBe(used)
    expect(new CloudAuthorizers({}).of(provider, auth, {}) !== undefined).toBe(used)
  })

  it.each<[provider: string, auth: CloudAuth, env: Record<string, string>, named: boolean]>([
    ['bedrock', { aws_access_key_id: '' }, {}, false],
    ['bedrock', { aws_access_key_id: 'AKID' }, {}, true],
    ['bedrock', {}, { AWS_PROFILE: 'work' }, true],
    ['gemini', { gcp_metadata_url: 'http://m' }, {}, true],
    ['gemini', {}, { GOOGLE_APPLICATION_CREDENTIALS: '/a.json' }, true],
    ['gemini', {}, { AWS_PROFILE: 'work' }, false],
    ['azure', { azure_client_id: 'id' }, {}, false],
    ['azure', {}, { IDENTITY_ENDPOINT: 'http://i' }, true],
  ])('have a credential that somebody named, for %s with %j and %j: %s', (provider, auth, env, named) => {
    expect(namesCloudCredential(provider, auth, env)).toBe(named)
  })
})
