import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Authorize } from '../../../lib/credentials/authorize.js'
import { awsAuthorizer } from '../../../lib/credentials/aws.js'
import { azureAuthorizer } from '../../../lib/credentials/azure.js'
import { googleAuthorizer } from '../../../lib/credentials/google.js'
import { origin, type Origin, type OriginRequest } from '../../support/origin.js'
import { everythingOf, refused } from './support.js'

const SECRETS = {
  awsKey: 'aws/SECRET+key',
  awsSession: 'aws/SECRET+session',
  azure: 'azure~SECRET',
  federated: 'federated.SECRET.token',
  platform: 'platform-SECRET-header',
  google: generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey,
}

/** Servers that answer badly, each with all that it was sent in its answer. */
const ANSWERS: Record<string, (said: string, response: ServerResponse) => void> = {
  'refuses in JSON': (said, response) => {
    response.writeHead(401)
    response.end(JSON.stringify({ error: said, error_description: `AADSTS1: ${said}`, access_token: said }))
  },
  'refuses in XML': (said, response) => {
    response.writeHead(403)
    response.end(`<Error><Code>${said}</Code><Message>${said}</Message></Error>`)
  },
  'refuses in text': (said, response) => {
    response.writeHead(500)
    response.end(said)
  },
  'gives no credentials': (said, response) => response.end(JSON.stringify({ access_token: said })),
  'gives broken JSON': (said, response) => response.end(`{"access_token":"${said}`),
  'redirects to itself': (said, response) => {
    response.writeHead(302, { location: `/?${encodeURIComponent(said)}` })
    response.end()
  },
  'breaks off': (_said, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('{')
    response.destroy()
  },
}

const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: SECRETS.awsKey,
  AWS_SESSION_TOKEN: SECRETS.awsSession,
}

const AUTHORIZERS: Record<string, (url: string, folder: string) => Authorize> = {
  'an AWS role': (url) =>
    awsAuthorizer(
      {},
      { bedrock: { aws_region: 'x-1', aws_assume_role_arn: 'arn', aws_sts_endpoint_url: url } },
      KEYS,
    ),
  'a Google service account': (url) =>
    googleAuthorizer({ gcp_service_account_json: googleAccount(url, SECRETS.google) }, {}),
  "Google's metadata server": (url) => googleAuthorizer({ gcp_metadata_url: url }, {}),
  'an Azure application': (url) =>
    azureAuthorizer(
      { azure_client_id: 'a', azure_client_secret: SECRETS.azure, azure_tenant_id: 't' },
      { AZURE_AUTHORITY_HOST: url },
    ),
  'an Azure workload': (url, folder) =>
    azureAuthorizer(
      {},
      {
        AZURE_AUTHORITY_HOST: url,
        AZURE_CLIENT_ID: 'a',
        AZURE_TENANT_ID: 't',
        AZURE_FEDERATED_TOKEN_FILE: path.join(folder, 'federated'),
      },
    ),
  'an Azure managed identity': (url) =>
    azureAuthorizer({}, { IDENTITY_ENDPOINT: url, IDENTITY_HEADER: SECRETS.platform }),
}

let folder: string
let server: Origin
let answer: keyof typeof ANSWERS

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'secrets-'))
  writeFileSync(path.join(folder, 'federated'), SECRETS.federated)
  server = await origin((request, response) => ANSWERS[answer]!(transcript(request), response))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server.close()
})

describe.each(Object.keys(AUTHORIZERS))('%s', (name) => {
  it.each(Object.keys(ANSWERS))('keeps its secrets out of the error where the server %s', async (how) => {
    answer = how
    server.requests.length = 0
    const error = await refused(AUTHORIZERS[name]!(server.url, folder))
    expect(server.requests).toHaveLength(1)
    const sent = transcript(server.requests[0]!)
    const all = everythingOf(error)
    for (const secret of [...Object.values(SECRETS), ...secretsSent(sent)]) expect(all).not.toContain(secret)
    expect(error).toMatchObject({ name: 'CredentialError' })
    expect(error).not.toHaveProperty('cause')
  })
})

it('keeps a Google key out of the error where its JSON is cut off', async () => {
  const json = googleAccount('http://localhost', SECRETS.google).slice(0, -20)
  const error = await refused(googleAuthorizer({ gcp_service_account_json: json }, {}))
  expect(everythingOf(error)).not.toContain('PRIVATE KEY')
})

it('keeps a Google key out of the error where it is no key', async () => {
  const json = googleAccount('http://localhost', 'SECRET that is no PEM')
  const error = await refused(googleAuthorizer({ gcp_service_account_json: json }, {}))
  expect(everythingOf(error)).not.toContain('SECRET')
})

it('keeps the credentials in a URL out of the error', async () => {
  const url = 'http://user:SECRET@127.0.0.1:1/?key=SECRET'
  const error = await refused(googleAuthorizer({ gcp_metadata_url: url }, {}))
  expect(everythingOf(error)).not.toContain('SECRET')
  expect(error.message).toContain('http://127.0.0.1:1 cannot be reached')
})

it('keeps what a credential library says to itself', async () => {
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path.join(folder, 'broken.json'))
  writeFileSync(path.join(folder, 'broken.json'), '{"private_key": SECRET}')
  const error = await refused(googleAuthorizer({}))
  vi.unstubAllEnvs()
  expect(everythingOf(error)).not.toContain('SECRET')
})

function googleAccount(url: string, key: string): string {
  return JSON.stringify({ client_email: 'a@b', private_key: key, token_uri: url })
}

/** A request as text, with the form's own words where it has one. */
function transcript({ url, headers, body }: OriginRequest): string {
  const form = [...new URLSearchParams(body.toString()).values()].join(' ')
  return `${url} ${JSON.stringify(headers)} ${form}`
}

/** What was made of the secrets: the signatures and assertions in a request. */
function secretsSent(sent: string): string[] {
  return [...sent.matchAll(/Signature=(\w+)|\beyJ[\w-]+\.[\w-]+\.([\w-]+)/g)].map(
    (found) => found[1] ?? found[2]!,
  )
}
