import type { RouteType } from '../../lib/llm/driver.js'
import type { Conditional, ConditionalAtLeastOneOf, EntityCheck, FieldEntry } from '../../lib/schema/field.js'
import type { Fault } from '../../lib/schema/schema.js'
import { AUTH, boolean, LOGGING, MODEL, type PROVIDERS, string } from './model-schema.js'
import {
  type AiProxyBalancer,
  type AiProxyLimits,
  type AiProxyTarget,
  type AiProxyTimeouts,
  BALANCER,
  LIMITS,
  targets,
  TIMEOUTS,
} from './resilience-schema.js'

/*
 * Kong's schema of ai-proxy: names, types, defaults, rules and texts are Kong's, of its newest release where they
 * differ. Sources: `kong/plugins/ai-proxy/schema.lua` and `kong/llm/schemas/init.lua` in Kong/kong, and
 * https://developer.konghq.com/plugins/ai-proxy/reference/
 */

const mustSet = (
  providers: readonly string[],
  option: string,
  whom = `${providers.join()} provider`,
): EntityCheck => ({
  conditional_at_least_one_of: {
    if_field: 'model.provider',
    if_match: { one_of: providers },
    then_at_least_one_of: [`model.options.${option}`],
    then_err: `must set %s for ${whom}`,
  } satisfies ConditionalAtLeastOneOf,
})

/** Rules over the fields of `config`; those of its `targets` have the same. */
export const ConfigChecks: EntityCheck[] = [
  {
    conditional: {
      if_field: 'model.provider',
      if_match: { one_of: ['bedrock', 'gemini'] },
      then_field: 'auth.allow_override',
      then_match: { eq: false },
      then_err: 'bedrock and gemini only support auth.allow_override = false',
    },
  },
  { mutually_required: ['auth.header_name', 'auth.header_value'] },
  { mutually_required: ['auth.param_name', 'auth.param_value', 'auth.param_location'] },
  mustSet(['llama2'], 'llama2_format'),
  mustSet(['mistral'], 'mistral_format'),
  mustSet(['anthropic'], 'anthropic_version'),
  mustSet(['azure'], 'azure_instance'),
  mustSet(['azure'], 'azure_api_version'),
  mustSet(['azure'], 'azure_deployment_id'),
  mustSet(['llama2', 'ollama', 'vllm'], 'upstream_url', 'self-hosted providers/models'),
  {
    conditional_at_least_one_of: {
      if_field: 'model.provider',
      if_match: { one_of: ['databricks'] },
      then_at_least_one_of: ['model.options.databricks.workspace_instance_id', 'model.options.upstream_url'],
      then_err: 'must set one of %s for databricks provider',
    },
  },
]

export const Schema: FieldEntry[] = [
  {
    route_type: string("What the client's route stands for; 'preserve' passes bodies on as they are.", {
      required: true,
      one_of: ['llm/v1/chat', 'llm/v1/completions', 'preserve'],
    }),
  },
  { auth: AUTH },
  { model: MODEL },
  { logging: LOGGING },
  {
    response_streaming: string('Whether answers may be streamed, must not, or always are.', {
      default: 'allow',
      one_of: ['allow', 'deny', 'always'],
    }),
  },
  {
    max_request_body_size: {
      type: 'integer',
      default: 1048576,
      gt: -1,
      description: 'Largest body of a request, in bytes; 0 for no limit.',
    },
  },
  { model_name_header: boolean('Answer with the model in X-Kong-LLM-Model.', { default: true }) },
  {
    llm_format: string('Format that the client speaks.', {
      default: 'openai',
      one_of: ['openai', 'bedrock', 'gemini', 'cohere', 'huggingface', 'anthropic'],
    }),
  },
  {
    strict: boolean('Refuse a request that asks for what the provider cannot express.', { default: false }),
  },
  {
    fetch_images: boolean(
      'Fetch images that a request names by a URL, from public addresses only, where the provider takes them as data only.',
      { default: false },
    ),
  },
  {
    hold_ms: {
      type: 'integer',
      default: 10000,
      between: [0, 2147483646],
      description:
        'How long the status of a stream may wait for its first content, in milliseconds, so that an early error gets a status of its own.',
    },
  },
  {
    heartbeat_ms: {
      type: 'integer',
      default: 0,
      between: [0, 2147483646],
      description:
        'After how many milliseconds of silence a stream gets an SSE comment; 0 for none. One before the first content ends failover.',
    },
  },
  { timeouts: TIMEOUTS },
  { targets: targets(ConfigChecks) },
  { balancer: BALANCER },
  { limits: LIMITS },
]

const onlyWith = (format: string): EntityCheck => ({
  conditional: {
    if_field: 'config.llm_format',
    if_match: { eq: format },
    then_field: 'config.model.provider',
    then_match: { eq: format },
    then_err: `native llm_format '${format}' can only be used with the '${format}' model.provider`,
  } satisfies Conditional,
})

/** Rules over the whole plugin. */
export const EntityChecks: EntityCheck[] = [
  {
    conditional: {
      if_field: 'config.llm_format',
      if_match: { one_of: ['bedrock', 'gemini', 'cohere', 'huggingface', 'anthropic'] },
      then_field: 'config.route_type',
      then_match: { eq: 'llm/v1/chat' },
      then_err: "native provider options in llm_format can only be used with the 'llm/v1/chat' route_type",
    },
  },
  onlyWith('bedrock'),
  onlyWith('gemini'),
  onlyWith('cohere'),
  onlyWith('huggingface'),
]

const HTTP_PROTOCOLS = ['grpc', 'grpcs', 'http', 'https']

export const EntityFields: FieldEntry[] = [
  {
    protocols: {
      type: 'set',
      required: true,
      default: HTTP_PROTOCOLS,
      elements: { type: 'string', one_of: HTTP_PROTOCOLS },
      description: 'A set of strings representing HTTP protocols.',
    },
  },
]

/** A checked config, complete with its defaults. */
export interface AiProxyConfig {
  route_type: RouteType
  auth?: AiProxyAuth
  model: AiProxyModel
  logging: { log_statistics: boolean; log_payloads: boolean }
  response_streaming: 'allow' | 'deny' | 'always'
  /** Bytes; 0 for no limit. */
  max_request_body_size: number
  model_name_header: boolean
  llm_format: 'openai' | 'bedrock' | 'gemini' | 'cohere' | 'huggingface' | 'anthropic'
  strict: boolean
  fetch_images: boolean
  /** Milliseconds. */
  hold_ms: number
  /** Milliseconds; 0: none. */
  heartbeat_ms: number
  timeouts?: AiProxyTimeouts
  targets?: AiProxyTarget[]
  balancer?: AiProxyBalancer
  limits?: AiProxyLimits
}

export interface AiProxyAuth {
  header_name?: string
  header_value?: string
  param_name?: string
  param_value?: string
  param_location?: 'query' | 'body'
  azure_use_managed_identity: boolean
  azure_client_id?: string
  azure_client_secret?: string
  azure_tenant_id?: string
  gcp_use_service_account: boolean
  gcp_service_account_json?: string
  gcp_metadata_url?: string
  gcp_oauth_token_url?: string
  aws_access_key_id?: string
  aws_secret_access_key?: string
  allow_override: boolean
}

export interface AiProxyModel {
  provider: (typeof PROVIDERS)[number]
  /** Absent: the client's own. */
  name?: string
  options?: AiProxyOptions
}

/** An alias, not an interface, so that drivers may take it for their `ModelOptions`. Prices are per million tokens. */
export type AiProxyOptions = {
  max_tokens?: number
  input_cost?: number
  output_cost?: number
  cache_read_cost?: number
  cache_write_cost?: number
  temperature?: number
  top_p?: number
  top_k?: number
  anthropic_version?: string
  azure_instance?: string
  azure_api_version: string
  azure_deployment_id?: string
  llama2_format?: 'raw' | 'openai' | 'ollama'
  mistral_format?: 'openai' | 'ollama'
  upstream_url?: string
  upstream_path?: string
  gemini?: { api_endpoint?: string; project_id?: string; location_id?: string }
  bedrock?: {
    aws_region?: string
    aws_assume_role_arn?: string
    aws_role_session_name?: string
    aws_sts_endpoint_url?: string
  }
  huggingface?: { use_cache?: boolean; wait_for_model?: boolean }
  dashscope?: { international: boolean }
  databricks?: { workspace_instance_id?: string }
}

/**
 * Makes the module's `validate`: what Kong's schema has as Lua functions, and that a provider has a driver.
 *
 * @param drivers the names of the drivers that there are
 */
export function validateWith(drivers: readonly string[]): (config: AiProxyConfig) => Fault[] {
  return (config) => {
    const { targets = [] } = config
    return [
      ...modelFaults(drivers, config, config.model, ''),
      ...targets.flatMap(({ model }, i) => modelFaults(drivers, config, model, `targets[${i}].`)),
    ]
  }
}

/** @param at where the model stands: `''`, or a path that ends in a dot */
function modelFaults(
  drivers: readonly string[],
  { logging, route_type, llm_format }: AiProxyConfig,
  { provider, options }: AiProxyModel,
  at: string,
): Fault[] {
  const faults: Fault[] = []
  const entity = `${at}@entity`
  if (!drivers.includes(provider)) {
    const message = `provider '${provider}' is not supported, use one of: ${drivers.join(', ')}`
    faults.push({ path: `${at}model.provider`, message })
  }
  // Of the first target's other formats Kong's own rules speak.
  if (llm_format !== 'openai' && provider !== llm_format && (at !== '' || llm_format === 'anthropic')) {
    const message = `native llm_format '${llm_format}' can only be used with the '${llm_format}' model.provider`
    faults.push({ path: entity, message })
  }
  const upstreamUrl = options?.upstream_url
  const url = upstreamUrl === undefined ? undefined : urlFault(upstreamUrl)
  if (url !== undefined) faults.push({ path: `${at}model.options.upstream_url`, message: url })
  if (logging.log_statistics && provider === 'anthropic' && route_type === 'llm/v1/completions') {
    const message = `${provider} does not support statistics when route_type is ${route_type}`
    faults.push({ path: entity, message })
  }
  return faults
}

/** Kong looks for a host and a scheme; what has placeholders in it can only be read once they are filled in. */
function urlFault(text: string): string | undefined {
  const { scheme, host } =
    /^(?:(?<scheme>[a-z0-9][a-z0-9+.-]*):)?(?:\/\/(?<host>[^/?#]*))?/i.exec(text)?.groups ?? {}
  if (!host) return 'missing host in url'
  if (scheme === undefined) return 'missing scheme in url'
  if (text.includes('$(')) return undefined
  if (!/^https?$/i.test(scheme)) return 'could not parse url. scheme must be http or https'
  return URL.canParse(text) ? undefined : 'could not parse url. invalid url'
}
