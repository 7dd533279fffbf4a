import { sign } from 'node:crypto'
import { isObject, parseJson } from '../llm/json.js'
import { bearer, type Authorize, type Environment } from './authorize.js'
import { CredentialError, errorKind } from './error.js'
import { optionalPackage } from './optional-package.js'
import { TokenCache, type Expiring } from './token-cache.js'
import { fetchAccessToken, formCall } from './token-endpoint.js'

/** The part of Kong's `config.auth` that is about Google. */
export interface GoogleAuth {
  gcp_service_account_json?: string
  gcp_metadata_url?: string
  gcp_oauth_token_url?: string
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
const METADATA_HOST = 'metadata.google.internal'

/**
 * Puts an OAuth token of a Google service account on requests. Make one for each distinct config and keep it: it
 * holds the token.
 *
 * The account is, first found: the JSON of the config, that of `GCP_SERVICE_ACCOUNT`, the file that
 * `GOOGLE_APPLICATION_CREDENTIALS` of the process names (which may be any that Google's tools write, workload identity
 * federation included, and needs the package `google-auth-library`), the account of the machine or pod by its metadata
 * server. A configured metadata server is asked before that file.
 */
export function googleAuthorizer(auth: GoogleAuth, env: Environment = process.env): Authorize {
  const json = auth.gcp_service_account_json || env.GCP_SERVICE_ACCOUNT
  const load = (signal: AbortSignal): Promise<Expiring<string>> => {
    if (json) return accountToken(json, auth.gcp_oauth_token_url, signal)
    if (env.GOOGLE_APPLICATION_CREDENTIALS && !auth.gcp_metadata_url) return fileToken()
    return metadataToken(auth.gcp_metadata_url || `http://${env.GCE_METADATA_HOST || METADATA_HOST}`, signal)
  }
  return bearer(new TokenCache("Google's access token", load))
}

interface ServiceAccount {
  email: string
  privateKey: string
  keyId: string | undefined
  tokenUri: string
}

/** The JWT bearer grant: https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
function accountToken(
  json: string,
  tokenUrl: string | undefined,
  signal: AbortSignal,
): Promise<Expiring<string>> {
  const account = readAccount(json)
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: assertionOf(account),
  }
  return fetchAccessToken(formCall("Google's token endpoint", tokenUrl || account.tokenUri, form), signal)
}

function readAccount(text: string): ServiceAccount {
  const json = parseJson(text)
  if (!isObject(json)) throw new CredentialError("the Google service account's JSON is not a JSON object")
  const { type, client_email: email, private_key: privateKey, private_key_id: keyId, token_uri } = json
  if (type !== undefined && type !== 'service_account') {
    throw new CredentialError(
      "the Google service account's JSON must be of type service_account; name others by GOOGLE_APPLICATION_CREDENTIALS",
    )
  }
  if (typeof email !== 'string' || typeof privateKey !== 'string') {
    throw new CredentialError("the Google service account's JSON has no client_email or no private_key")
  }
  return {
    email,
    privateKey,
    keyId: typeof keyId === 'string' ? keyId : undefined,
    tokenUri: typeof token_uri === 'string' ? token_uri : TOKEN_URL,
  }
}

/** A signed JWT (RFC 7519, RS256) for an hour. Its audience is Google's own endpoint, wherever it is sent. */
function assertionOf({ email, privateKey, keyId, tokenUri }: ServiceAccount): string {
  const iat = Math.floor(Date.now() / 1000)
  const unsigned = [
    { alg: 'RS256', typ: 'JWT', kid: keyId },
    { iss: email, scope: SCOPE, aud: tokenUri, iat, exp: iat + 3600 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  try {
    return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), privateKey).toString('base64url')}`
  } catch {
    throw new CredentialError("the Google service account's private_key cannot sign")
  }
}

async function fileToken(): Promise<Expiring<string>> {
  const { GoogleAuth } = await optionalPackage(
    'google-auth-library',
    'GOOGLE_APPLICATION_CREDENTIALS',
    () => import('google-auth-library'),
  )
  let kind = 'no token or no end of it'
  try {
    const client = await new GoogleAuth({ scopes: SCOPE }).getClient()
    const { token } = await client.getAccessToken()
    const expiresAt = client.credentials.expiry_date
    if (token && expiresAt) return { value: token, expiresAt }
  } catch (error) {
    kind = errorKind(error)
  }
  throw new CredentialError(`GOOGLE_APPLICATION_CREDENTIALS gave no access token: ${kind}`)
}

/** https://cloud.google.com/compute/docs/access/authenticate-workloads#applications */
function metadataToken(base: string, signal: AbortSignal): Promise<Expiring<string>> {
  const path = '/computeMetadata/v1/instance/service-accounts/default/token'
  const url = `${base.replace(/\/+$/, '')}${path}?scopes=${encodeURIComponent(SCOPE)}`
  const headers = { 'metadata-flavor': 'Google' }
  return fetchAccessToken({ whose: "Google's metadata server", method: 'GET', url, headers }, signal)
}
