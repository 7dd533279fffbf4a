import type { defaultProvider } from '@aws-sdk/credential-provider-node'
import { ChatError } from '../llm/errors.js'
import type { UpstreamRequest } from '../pdk/exchange.js'
import type { Authorize, Environment } from './authorize.js'
import { CredentialError } from './error.js'
import { optionalPackage } from './optional-package.js'
import type { AwsCredentials, SigningScope, signRequest } from './sigv4.js'
import { TokenCache } from './token-cache.js'

/** The part of Kong's `config.auth` that is about AWS. */
export interface AwsAuth {
  aws_access_key_id?: string
  aws_secret_access_key?: string
}

/** The part of Kong's `config.model.options` that is about AWS. */
export interface AwsOptions {
  bedrock?: {
    aws_region?: string
    aws_assume_role_arn?: string
    aws_role_session_name?: string
    aws_sts_endpoint_url?: string
  }
}

type CredentialSource = Pick<TokenCache<AwsCredentials>, 'get' | 'now'>

/**
 * The region that Bedrock is called in: the config's, else that of the environment.
 *
 * @throws ChatError 500, in Kong's words, where there is none, or one that cannot be part of a host name
 */
export function awsRegion(options: AwsOptions, env: Environment = process.env): string {
  const region = options.bedrock?.aws_region || env.AWS_REGION || env.AWS_DEFAULT_REGION
  if (!region) {
    throw new ChatError(500, 'AWS region not specified anywhere', { param: 'bedrock.aws_region' })
  }
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new ChatError(500, 'AWS region is not the name of a region', { param: 'bedrock.aws_region' })
  }
  return region
}

/**
 * Signs requests for Bedrock over their final bytes. Make one for each distinct config and keep it: it holds the
 * credentials that it has got.
 *
 * The credentials are the config's or the environment's keys, else what the SDK's default chain finds (profile, web
 * identity, container, instance), which needs the package `@aws-sdk/credential-provider-node` and reads the environment
 * of the process itself. With a role in the options they are those of the role.
 */
export function awsAuthorizer(auth: AwsAuth, options: AwsOptions, env: Environment = process.env): Authorize {
  const own = ownCredentials(auth, options, env)
  const source = options.bedrock?.aws_assume_role_arn ? roleCredentials(own, options, env) : own
  /** Found out by the first request. */
  let signer: { sign: typeof signRequest; scope: SigningScope } | undefined

  async function signLater(request: UpstreamRequest): Promise<void> {
    if (request.body === undefined) {
      throw new CredentialError('a body that is passed on as it comes cannot be signed for AWS')
    }
    const scope = { service: 'bedrock', region: awsRegion(options, env) }
    const credentials = await source.get()
    const { signRequest: sign } = await import('./sigv4.js')
    signer = { sign, scope }
    sign(request, scope, credentials)
  }

  return (request) => {
    const credentials = source.now()
    if (!signer || !credentials || request.body === undefined) return signLater(request)
    return signer.sign(request, signer.scope, credentials)
  }
}

function ownCredentials(auth: AwsAuth, options: AwsOptions, env: Environment): CredentialSource {
  const accessKeyId = auth.aws_access_key_id || env.AWS_ACCESS_KEY_ID
  const secretAccessKey = auth.aws_secret_access_key || env.AWS_SECRET_ACCESS_KEY
  if (accessKeyId && secretAccessKey) {
    // A session token belongs to the key of the same place.
    const sessionToken = auth.aws_access_key_id ? undefined : env.AWS_SESSION_TOKEN
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
    return { now: () => keys, get: () => Promise.resolve(keys) }
  }
  if (auth.aws_access_key_id || auth.aws_secret_access_key) {
    const missing = accessKeyId ? 'aws_secret_access_key' : 'aws_access_key_id'
    const half = `half a pair of AWS keys is configured: no ${missing}`
    return { now: () => undefined, get: () => Promise.reject(new CredentialError(half)) }
  }
  return chainCredentials(options, env)
}

function chainCredentials(options: AwsOptions, env: Environment): CredentialSource {
  let chain: ReturnType<typeof defaultProvider> | undefined
  return new TokenCache("AWS's default credential chain", async () => {
    if (!chain) {
      const sdk = await optionalPackage(
        '@aws-sdk/credential-provider-node',
        "AWS's default credential chain",
        () => import('@aws-sdk/credential-provider-node'),
      )
      chain = sdk.defaultProvider({ clientConfig: { region: awsRegion(options, env) } })
    }
    // Its own cache would give the old ones once more.
    const credentials = await chain({ forceRefresh: true })
    return { value: credentials, expiresAt: credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY }
  })
}

function roleCredentials(own: CredentialSource, options: AwsOptions, env: Environment): CredentialSource {
  const { aws_assume_role_arn: arn = '', aws_role_session_name, aws_sts_endpoint_url } = options.bedrock ?? {}
  return new TokenCache("the AWS role's credentials", async (signal) => {
    const { assumeRole } = await import('./assume-role.js')
    const role = {
      region: awsRegion(options, env),
      arn,
      sessionName: aws_role_session_name || 'kong',
      endpoint: aws_sts_endpoint_url,
    }
    return await assumeRole(role, await own.get(), signal)
  })
}
