import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { azureAuthorizer } from '../../../lib/credentials/azure.js'
import { origin, type Origin } from '../../support/origin.js'
import { authorized, refused } from './support.js'

const MINUTE = 60_000
const RESOURCE = 'https://cognitiveservices.azure.com'
const APP = { azure_client_id: 'app', azure_client_secret: 'hush', azure_tenant_id: 'contoso.com' }

let server: Origin
let status = 200
let body: (call: number) => object

beforeEach(async () => {
  status = 200
  body = (call) => ({ token_type: 'Bearer', expires_in: 3599, access_token: `eyJ.${call}` })
  server = await origin((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body(server.requests.length)))
  })
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await server.close()
})

const lastForm = (): object => Object.fromEntries(new URLSearchParams(String(server.requests.at(-1)!.body)))

describe('a client secret', () => {
  it('is exchanged for a token of the tenant', async () => {
    const env = { AZURE_AUTHORITY_HOST: `${server.url}/` }
    expect(await authorized(azureAuthorizer(APP, env))).toEqual({ authorization: 'Bearer eyJ.1' })
    expect(server.requests[0]).toMatchObject({ method: 'POST', url: '/contoso.com/oauth2/v2.0/token' })
    expect(lastForm()).toEqual({
      client_id: 'app',
      client_secret: 'hush',
      grant_type: 'client_credentials',
      scope: `${RESOURCE}/.default`,
    })
  })

  it('is that of the environment where the config names no application', async () => {
    const env = {
      AZURE_AUTHORITY_HOST: server.url,
      AZURE_CLIENT_ID: 'env-app',
      AZURE_CLIENT_SECRET: 'env-hush',
      AZURE_TENANT_ID: 'env-tenant',
    }
    await authorized(azureAuthorizer({}, env))
    expect(lastForm()).toMatchObject({ client_id: 'env-app', client_secret: 'env-hush' })
  })

  it('of the environment does not go out with another application', async () => {
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: server.url,
      AZURE_CLIENT_ID: 'env-app',
      AZURE_CLIENT_SECRET: 'env-hush',
      AZURE_TENANT_ID: 'env-tenant',
    }
    await authorized(azureAuthorizer({ azure_client_id: 'app' }, env))
    expect(server.requests[0]!.url).toContain('client_id=app')
    expect(server.requests[0]!.body).toHaveLength(0)
  })

  it('needs client id and tenant', async () => {
    const error = await refused(azureAuthorizer({ azure_client_secret: 'hush' }, {}))
    expect(error.message).toBe('azure_client_secret needs azure_client_id and azure_tenant_id')
  })

  it("is refused with Azure's code and number, and without its text", async () => {
    status = 401
    body = () => ({
      error: 'invalid_client',
      error_description: 'AADSTS7000215: Invalid client secret provided: hush',
    })
    const error = await refused(azureAuthorizer(APP, { AZURE_AUTHORITY_HOST: server.url }))
    expect(error.message).toBe("Azure's token endpoint answered 401: invalid_client, AADSTS7000215")
  })

  it('gets one token for requests that come together, and another when that is over', async () => {
    const authorize = azureAuthorizer(APP, { AZURE_AUTHORITY_HOST: server.url })
    await Promise.all([authorized(authorize), authorized(authorize)])
    await authorized(authorize)
    expect(server.requests).toHaveLength(1)
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    expect((await authorized(authorize)).authorization).toBe('Bearer eyJ.2')
  })
})

describe('a federated token', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'azure-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  const environment = () => ({
    AZURE_AUTHORITY_HOST: server.url,
    AZURE_CLIENT_ID: 'workload',
    AZURE_TENANT_ID: 'tenant',
    AZURE_FEDERATED_TOKEN_FILE: path.join(folder, 'token'),
  })

  it('vouches for the workload, and is read anew for each exchange', async () => {
    const env = environment()
    writeFileSync(env.AZURE_FEDERATED_TOKEN_FILE, 'first\n')
    const authorize = azureAuthorizer({}, env)
    await authorized(authorize)
    expect(server.requests[0]!.url).toBe('/tenant/oauth2/v2.0/token')
    expect(lastForm()).toEqual({
      client_id: 'workload',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: 'first',
      grant_type: 'client_credentials',
      scope: `${RESOURCE}/.default`,
    })
    writeFileSync(env.AZURE_FEDERATED_TOKEN_FILE, 'second\n')
    vi.setSystemTime(Date.now() + 60 * MINUTE)
    await authorized(authorize)
    expect(lastForm()).toMatchObject({ client_assertion: 'second' })
  })

  it('that is not there is named by its variable', async () => {
    const error = await refused(azureAuthorizer({}, environment()))
    expect(error.message).toBe('AZURE_FEDERATED_TOKEN_FILE cannot be read: ENOENT')
  })
})

describe('a managed identity', () => {
  it("of App Service is asked for at the platform's endpoint with its header", async () => {
    body = () => ({ access_token: 'eyJ.app', expires_on: String(Math.floor(Date.now() / 1000) + 3600) })
    const env = { IDENTITY_ENDPOINT: `${server.url}/msi/token`, IDENTITY_HEADER: 'platform' }
    const authorize = azureAuthorizer({ azure_client_id: 'user-assigned' }, env)
    expect((await authorized(authorize)).authorization).toBe('Bearer eyJ.app')
    await authorized(authorize)
    expect(server.requests).toHaveLength(1)
    const { url, headers } = server.requests[0]!
    expect(headers['x-identity-header']).toBe('platform')
    const { pathname, searchParams } = new URL(url, server.url)
    expect([pathname, Object.fromEntries(searchParams)]).toEqual([
      '/msi/token',
      { 'api-version': '2019-08-01', resource: RESOURCE, client_id: 'user-assigned' },
    ])
  })

  it("of a virtual machine is asked for at the machine's metadata server", async () => {
    body = () => ({ access_token: 'eyJ.vm', expires_in: '3599', expires_on: '1' })
    const authorize = azureAuthorizer({}, { AZURE_POD_IDENTITY_AUTHORITY_HOST: server.url })
    expect((await authorized(authorize)).authorization).toBe('Bearer eyJ.vm')
    const { url, headers } = server.requests[0]!
    expect(headers.metadata).toBe('true')
    const { pathname, searchParams } = new URL(url, server.url)
    expect([pathname, Object.fromEntries(searchParams)]).toEqual([
      '/metadata/identity/oauth2/token',
      { 'api-version': '2018-02-01', resource: RESOURCE },
    ])
  })
})
