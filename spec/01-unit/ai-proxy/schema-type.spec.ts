import { describe, expect, it } from 'vitest'
import type { ModelOptions } from '../../../lib/llm/driver.js'
import { type Field, fieldsOf } from '../../../lib/schema/field.js'
import { configSchema } from '../../../lib/schema/schema.js'
import { DEFAULT_BALANCER, DEFAULT_TIMEOUTS } from '../../../plugins/ai-proxy/resilience-schema.js'
import * as module from '../../../plugins/ai-proxy/schema.js'

type Config = module.AiProxyConfig

class Plugin {
  access(): void {}
}

const schema = configSchema({ ...module, Plugin }, 'ai-proxy')

describe('the type of a checked config', () => {
  /** Every field of the type, none left out: the compiler holds this to the type, the test to the schema. */
  type Complete<T> = T extends object ? { [Key in keyof T]-?: Complete<Exclude<T[Key], undefined>> } : T
  const complete: Complete<Config> = {
    route_type: 'llm/v1/chat',
    auth: {
      header_name: 'a',
      header_value: 'a',
      param_name: 'a',
      param_value: 'a',
      param_location: 'query',
      azure_use_managed_identity: true,
      azure_client_id: 'a',
      azure_client_secret: 'a',
      azure_tenant_id: 'a',
      gcp_use_service_account: true,
      gcp_service_account_json: 'a',
      gcp_metadata_url: 'a',
      gcp_oauth_token_url: 'a',
      aws_access_key_id: 'a',
      aws_secret_access_key: 'a',
      allow_override: true,
    },
    model: {
      provider: 'openai',
      name: 'a',
      options: {
        max_tokens: 1,
        input_cost: 1,
        output_cost: 1,
        cache_read_cost: 1,
        cache_write_cost: 1,
        temperature: 1,
        top_p: 1,
        top_k: 1,
        anthropic_version: 'a',
        azure_instance: 'a',
        azure_api_version: 'a',
        azure_deployment_id: 'a',
        llama2_format: 'raw',
        mistral_format: 'openai',
        upstream_url: 'https://example.com',
        upstream_path: '/a',
        gemini: { api_endpoint: 'a', project_id: 'a', location_id: 'a' },
        bedrock: {
          aws_region: 'a',
          aws_assume_role_arn: 'a',
          aws_role_session_name: 'a',
          aws_sts_endpoint_url: 'a',
        },
        huggingface: { use_cache: true, wait_for_model: true },
        dashscope: { international: true },
        databricks: { workspace_instance_id: 'a' },
      },
    },
    logging: { log_statistics: true, log_payloads: true },
    response_streaming: 'always',
    max_request_body_size: 1,
    model_name_header: true,
    llm_format: 'openai',
    strict: true,
    fetch_images: true,
    hold_ms: 1,
    heartbeat_ms: 1,
    timeouts: { connect: 1, headers: 1, first_token: 1, idle: 1, total: 1 },
    targets: [],
    balancer: {
      algorithm: 'priority',
      retries: 1,
      failover_criteria: ['http_429'],
      max_fails: 1,
      fail_timeout: 1,
      latency_strategy: 'e2e',
      hash_on_header: 'x',
      failover_after_first_delta: true,
    },
    limits: { max_streams: 1, max_streams_total: 1 },
  }
  /** What the type promises to be there, with the optional records that hold some of it. */
  const promised: Config = {
    route_type: 'llm/v1/chat',
    auth: { azure_use_managed_identity: false, gcp_use_service_account: false, allow_override: false },
    model: { provider: 'openai', options: { azure_api_version: 'a', dashscope: { international: true } } },
    logging: { log_statistics: false, log_payloads: false },
    response_streaming: 'allow',
    max_request_body_size: 1,
    model_name_header: true,
    llm_format: 'openai',
    strict: false,
    fetch_images: false,
    hold_ms: 1,
    heartbeat_ms: 1,
    timeouts: DEFAULT_TIMEOUTS,
    balancer: DEFAULT_BALANCER,
    limits: { max_streams: 0, max_streams_total: 0 },
  }
  const root: Field = { type: 'record', fields: module.Schema }

  it('has the fields of the schema, and no others', () => {
    const names = (field: Field, value: unknown): void => {
      if (field.type !== 'record') return
      const record = value as Record<string, unknown>
      const fields = fieldsOf(field)
      expect(Object.keys(record)).toEqual([...fields.keys()])
      for (const [name, child] of fields) names(child, record[name])
    }
    names(root, complete)
    expect(schema.check(complete)).toEqual({ config: complete, faults: [] })
  })

  it('promises what the schema requires or fills in', () => {
    const wrong: string[] = []
    const there = (field: Field, value: unknown): void => {
      const record = value as Record<string, unknown>
      for (const [name, child] of fieldsOf(field)) {
        const always = child.required === true || child.default !== undefined
        if (child.type !== 'record' && always !== name in record) wrong.push(name)
        if (child.type === 'record' && always && !(name in record)) wrong.push(name)
        if (child.type === 'record' && name in record) there(child, record[name])
      }
    }
    there(root, promised)
    expect(wrong).toEqual([])
  })

  it('has options that every driver takes', () => {
    const options: ModelOptions = complete.model.options
    expect(options.max_tokens).toBe(1)
  })
})
