import { readFile } from 'node:fs/promises'
import { bearer, type Authorize, type Environment } from './authorize.js'
import { CredentialError, errorKind } from './error.js'
import { TokenCache, type Expiring } from './token-cache.js'
import { fetchAccessToken, formCall, type TokenCall } from './token-endpoint.js'

/** The part of Kong's `config.auth` that is about Azure. */
export interface AzureAuth {
  azure_client_id?: string
  azure_client_secret?: string
  azure_tenant_id?: string
}

const RESOURCE = 'https://cognitiveservices.azure.com'
const AUTHORITY = 'https://login.microsoftonline.com'
const METADATA_SERVER = 'http://169.254.169.254'

/**
 * Puts a Microsoft Entra token for Azure OpenAI on requests. Make one for each distinct config and keep it: it holds
 * the token.
 *
 * The identity is, first found: the application whose secret the config or the environment has; the one whose
 * federated token a file holds (`AZURE_FEDERATED_TOKEN_FILE`, the workload identity of AKS); the managed identity of App
 * Service and its kin (`IDENTITY_ENDPOINT`, `IDENTITY_HEADER`); that of the virtual machine. A client id says which
 * managed identity, where there are several. Variables are named as in Azure's SDKs; the config wins over them.
 */
export function azureAuthorizer(auth: AzureAuth, env: Environment = process.env): Authorize {
  return bearer(
    new TokenCache("Azure's access token", async (signal): Promise<Expiring<string>> => {
      return await fetchAccessToken(await tokenCall(auth, env), signal)
    }),
  )
}

async function tokenCall(auth: AzureAuth, env: Environment): Promise<TokenCall> {
  const clientId = auth.azure_client_id || env.AZURE_CLIENT_ID
  const tenant = auth.azure_tenant_id || env.AZURE_TENANT_ID
  // A secret belongs to the client id of the same place.
  const secret = auth.azure_client_secret || (auth.azure_client_id ? undefined : env.AZURE_CLIENT_SECRET)
  if (secret) {
    if (!clientId || !tenant) {
      throw new CredentialError('azure_client_secret needs azure_client_id and azure_tenant_id')
    }
    return entraCall(env, tenant, { client_id: clientId, client_secret: secret })
  }
  if (env.AZURE_FEDERATED_TOKEN_FILE && clientId && tenant) {
    const assertion = await federatedToken(env.AZURE_FEDERATED_TOKEN_FILE)
    return entraCall(env, tenant, {
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })
  }
  return managedIdentityCall(env, clientId)
}

/** Read anew each time, as the file is replaced before its token ends. */
async function federatedToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new CredentialError(`AZURE_FEDERATED_TOKEN_FILE cannot be read: ${errorKind(error)}`)
  }
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
function entraCall(env: Environment, tenant: string, client: Record<string, string>): TokenCall {
  const authority = (env.AZURE_AUTHORITY_HOST || AUTHORITY).replace(/\/+$/, '')
  return formCall("Azure's token endpoint", `${authority}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, {
    ...client,
    grant_type: 'client_credentials',
    scope: `${RESOURCE}/.default`,
  })
}

/**
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference and
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
function managedIdentityCall(env: Environment, clientId: string | undefined): TokenCall {
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header } = env
  const whose = "Azure's managed identity endpoint"
  const query = (version: string): string =>
    new URLSearchParams({
      'api-version': version,
      resource: RESOURCE,
      ...(clientId && { client_id: clientId }),
    }).toString()
  if (endpoint && header) {
    const headers = { 'x-identity-header': header }
    return { whose, method: 'GET', url: `${endpoint}?${query('2019-08-01')}`, headers }
  }
  const server = (env.AZURE_POD_IDENTITY_AUTHORITY_HOST || METADATA_SERVER).replace(/\/+$/, '')
  const url = `${server}/metadata/identity/oauth2/token?${query('2018-02-01')}`
  return { whose, method: 'GET', url, headers: { metadata: 'true' } }
}
