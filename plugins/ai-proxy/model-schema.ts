import type { Field } from '../../lib/schema/field.js'

/*
 * The records `auth`, `model` and `logging` of Kong's schema, which its other AI plugins share.
 * Source: `kong/llm/schemas/init.lua` in Kong/kong.
 */

export const string = (description: string, more: Partial<Field> = {}): Field => ({
  type: 'string',
  description,
  ...more,
})
export const boolean = (description: string, more: Partial<Field> = {}): Field => ({
  type: 'boolean',
  description,
  ...more,
})
const price = (tokens: string): Field => ({
  type: 'number',
  gt: 0,
  description: `Price of one million ${tokens}.`,
})

/** A secret: it may come from a vault, and Kong encrypts it where it has a keyring. */
const SECRET = { referenceable: true, encrypted: true } as const
const REFERENCEABLE = { referenceable: true } as const

export const PROVIDERS = [
  'openai',
  'azure',
  'anthropic',
  'cohere',
  'mistral',
  'llama2',
  'gemini',
  'bedrock',
  'huggingface',
  'cerebras',
  'dashscope',
  'databricks',
  'deepseek',
  'ollama',
  'vllm',
  'xai',
  'groq',
  'openrouter',
  'together',
  'fireworks',
  'perplexity',
  'moonshot',
] as const

export const AUTH: Field = {
  type: 'record',
  fields: [
    { header_name: string('Name of the header that carries the credential.', REFERENCEABLE) },
    { header_value: string("The header's whole value: 'Bearer key', or just 'key'.", SECRET) },
    { param_name: string('Name of the parameter that carries the credential.', REFERENCEABLE) },
    { param_value: string("The parameter's whole value.", SECRET) },
    {
      param_location: string('Whether the parameter goes into the query or into the JSON body.', {
        one_of: ['query', 'body'],
      }),
    },
    {
      azure_use_managed_identity: boolean('Use the managed identity of the Azure host.', { default: false }),
    },
    { azure_client_id: string('Client id of the Azure identity or application.', REFERENCEABLE) },
    { azure_client_secret: string('Client secret of the Azure application.', SECRET) },
    { azure_tenant_id: string('Tenant id of the Azure application.', REFERENCEABLE) },
    { gcp_use_service_account: boolean('Use a Google service account.', { default: false }) },
    {
      gcp_service_account_json: string(
        'The whole JSON text of the service account; GCP_SERVICE_ACCOUNT of the environment where absent.',
        SECRET,
      ),
    },
    { gcp_metadata_url: string("Base URL that replaces that of Google's metadata server.", REFERENCEABLE) },
    { gcp_oauth_token_url: string("URL that replaces that of Google's token endpoint.", REFERENCEABLE) },
    { aws_access_key_id: string('Access key id of an AWS user, in place of AWS_ACCESS_KEY_ID.', SECRET) },
    {
      aws_secret_access_key: string(
        'Secret access key of an AWS user, in place of AWS_SECRET_ACCESS_KEY.',
        SECRET,
      ),
    },
    {
      allow_override: boolean("Let the request's own header or parameter of that name pass.", {
        default: false,
      }),
    },
  ],
}

const GEMINI: Field = {
  type: 'record',
  fields: [
    { api_endpoint: string('Regional endpoint of Vertex AI, the host name only.') },
    { project_id: string('Project id on Vertex AI.') },
    { location_id: string('Location id on Vertex AI.') },
  ],
  entity_checks: [{ mutually_required: ['api_endpoint', 'project_id', 'location_id'] }],
}

const BEDROCK: Field = {
  type: 'record',
  fields: [
    { aws_region: string('Region of Bedrock, in place of AWS_REGION.') },
    { aws_assume_role_arn: string('ARN of the role to assume for Bedrock.') },
    { aws_role_session_name: string('Name of the session of the assumed role.') },
    { aws_sts_endpoint_url: string('URL that replaces that of the STS endpoint.') },
  ],
}

const OPTIONS: Field = {
  type: 'record',
  description: 'Settings of the model and of its provider.',
  fields: [
    { max_tokens: { type: 'integer', description: 'Limit of the tokens of an answer.' } },
    { input_cost: price('prompt tokens') },
    { output_cost: price('completion tokens') },
    { cache_read_cost: price('prompt tokens read from the cache') },
    { cache_write_cost: price('prompt tokens written to the cache') },
    { temperature: { type: 'number', between: [0, 5], description: 'Sampling temperature.' } },
    { top_p: { type: 'number', between: [0, 1], description: 'Probability mass of nucleus sampling.' } },
    { top_k: { type: 'integer', between: [0, 500], description: 'Number of tokens to sample from.' } },
    { anthropic_version: string("Version of Anthropic's API.") },
    { azure_instance: string('Instance name of Azure OpenAI.') },
    { azure_api_version: string("'api-version' of Azure OpenAI.", { default: '2023-05-15' }) },
    { azure_deployment_id: string('Deployment id on Azure OpenAI.') },
    { llama2_format: string('Format of the Llama server.', { one_of: ['raw', 'openai', 'ollama'] }) },
    { mistral_format: string('Format of the Mistral server.', { one_of: ['openai', 'ollama'] }) },
    { upstream_url: string('URL of the provider: of a server of your own or of a private endpoint.') },
    {
      upstream_path: string("Path of the provider's operation.", {
        deprecation: {
          message:
            'llm: config.model.options.upstream_path is deprecated, please use config.model.options.upstream_url instead',
          removal_in_version: '4.0',
        },
      }),
    },
    { gemini: GEMINI },
    { bedrock: BEDROCK },
    {
      huggingface: {
        type: 'record',
        fields: [
          { use_cache: boolean('Use the cache of the inference API.') },
          { wait_for_model: boolean('Wait for a model that is not ready.') },
        ],
      },
    },
    {
      dashscope: {
        type: 'record',
        fields: [{ international: boolean('Use the international endpoint.', { default: true }) }],
      },
    },
    {
      databricks: {
        type: 'record',
        fields: [{ workspace_instance_id: string('Instance id of the Databricks workspace.') }],
      },
    },
  ],
}

export const MODEL: Field = {
  type: 'record',
  required: true,
  fields: [
    {
      provider: string('Whose API the model is behind.', { required: true, one_of: PROVIDERS }),
    },
    { name: string("The model's name for its provider.") },
    { options: OPTIONS },
  ],
}

export const LOGGING: Field = {
  type: 'record',
  required: true,
  fields: [
    {
      log_statistics: boolean('Put the use of the model into the log entry.', {
        required: true,
        default: false,
      }),
    },
    {
      log_payloads: boolean('Put the bodies of request and answer into the log entry.', {
        required: true,
        default: false,
      }),
    },
  ],
}
