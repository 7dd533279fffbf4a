import type { Authorize, Environment } from './authorize.js'
import { awsAuthorizer, type AwsAuth, type AwsOptions } from './aws.js'
import { azureAuthorizer, type AzureAuth } from './azure.js'
import { googleAuthorizer, type GoogleAuth } from './google.js'

/** The part of Kong's `config.auth` that says whether and how a cloud's credential is made. */
export interface CloudAuth extends AwsAuth, AzureAuth, GoogleAuth {
  header_name?: string
  azure_use_managed_identity?: boolean
  gcp_use_service_account?: boolean
}

/** A provider whose credential is made: a signature or a token in place of a fixed key. */
interface Cloud {
  isUsed(auth: CloudAuth): boolean
  /** Whether config or environment name a credential. What only a server of the cloud could know does not count. */
  isNamed(auth: CloudAuth, env: Environment): boolean
  authorizer(auth: CloudAuth, options: AwsOptions, env: Environment): Authorize
}

const AWS_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]
const GOOGLE_VARIABLES = ['GCP_SERVICE_ACCOUNT', 'GOOGLE_APPLICATION_CREDENTIALS', 'GCE_METADATA_HOST']
const AZURE_VARIABLES = [
  'AZURE_CLIENT_SECRET',
  'AZURE_FEDERATED_TOKEN_FILE',
  'IDENTITY_ENDPOINT',
  'AZURE_POD_IDENTITY_AUTHORITY_HOST',
]

/** By Kong's `model.provider`. */
const CLOUDS: ReadonlyMap<string, Cloud> = new Map<string, Cloud>([
  [
    'bedrock',
    {
      // A configured `Authorization` is one of Bedrock's API keys, which takes the signature's place.
      isUsed: ({ header_name, aws_access_key_id }) =>
        header_name?.toLowerCase() !== 'authorization' || aws_access_key_id !== undefined,
      isNamed: ({ aws_access_key_id }, env) => Boolean(aws_access_key_id) || hasAny(env, AWS_VARIABLES),
      authorizer: awsAuthorizer,
    },
  ],
  [
    'gemini',
    {
      isUsed: ({ gcp_use_service_account }) => gcp_use_service_account === true,
      isNamed: ({ gcp_service_account_json, gcp_metadata_url }, env) =>
        Boolean(gcp_service_account_json || gcp_metadata_url) || hasAny(env, GOOGLE_VARIABLES),
      authorizer: (auth, _options, env) => googleAuthorizer(auth, env),
    },
  ],
  [
    'azure',
    {
      isUsed: ({ azure_use_managed_identity, azure_client_secret }) =>
        azure_use_managed_identity === true || azure_client_secret !== undefined,
      isNamed: ({ azure_client_secret }, env) => Boolean(azure_client_secret) || hasAny(env, AZURE_VARIABLES),
      authorizer: (auth, _options, env) => azureAuthorizer(auth, env),
    },
  ],
])

function hasAny(env: Environment, names: readonly string[]): boolean {
  return names.some((name) => Boolean(env[name]))
}

/** Whether requests to the provider carry a credential that has to be made for them. */
export function usesCloud(provider: string, auth: CloudAuth): boolean {
  return CLOUDS.get(provider)?.isUsed(auth) ?? false
}

/** Whether such a credential is named anywhere, and not left to what the machine may have. */
export function namesCloudCredential(
  provider: string,
  auth: CloudAuth,
  env: Environment = process.env,
): boolean {
  return CLOUDS.get(provider)?.isNamed(auth, env) ?? false
}

/** How many are kept: options may be filled in from the request, one authorizer for each value. */
const MOST = 100

/** Gives each distinct config its one authorizer, which holds the tokens that it has got. The least used goes first. */
export class CloudAuthorizers {
  readonly #made = new Map<string, Authorize>()
  /** The one used last and what it was asked for with: nearly always the same objects, of a config without placeholders. */
  #last: { provider: string; auth: CloudAuth; options: AwsOptions; authorize: Authorize } | undefined

  constructor(private readonly env: Environment = process.env) {}

  /** `undefined` where the provider's credential is a fixed one, or none. */
  of(provider: string, auth: CloudAuth, options: AwsOptions): Authorize | undefined {
    const last = this.#last
    if (last?.auth === auth && last.options === options && last.provider === provider) return last.authorize
    const cloud = CLOUDS.get(provider)
    if (!cloud?.isUsed(auth)) return undefined
    const key = JSON.stringify([provider, auth, options.bedrock])
    const authorize = this.#made.get(key) ?? cloud.authorizer(auth, options, this.env)
    this.#made.delete(key)
    this.#made.set(key, authorize)
    if (this.#made.size > MOST) this.#made.delete(this.#made.keys().next().value!)
    this.#last = { provider, auth, options, authorize }
    return authorize
  }
}
