import { describe, expect, it } from 'vitest'
import { type EntityCheck, type Field, type FieldEntry, fieldsOf } from '../../../lib/schema/field.js'
import { configSchema } from '../../../lib/schema/schema.js'
import * as module from '../../../plugins/ai-proxy/schema.js'

class Plugin {
  access(): void {}
  headerFilter(): void {}
  bodyFilter(): void {}
  log(): void {}
}

const schema = configSchema({ ...module, Plugin, Priority: 770, Version: '1.2.3' }, 'ai-proxy')

describe('dump of ai-proxy', () => {
  interface Dump {
    Name: string
    Version: string
    Priority: number
    Phases: string[]
    Schema: { name: string; fields: [FieldEntry, { config: Field }]; entity_checks: EntityCheck[] }
  }
  const dump = schema.dump() as unknown as Dump
  const [protocols, { config: dumped }] = dump.Schema.fields

  const fields: Record<string, Field> = {}
  const flatten = (record: Field, path = ''): void => {
    for (const [name, field] of fieldsOf(record)) {
      fields[path + name] = field
      flatten(field, `${path}${name}.`)
    }
  }
  flatten(dumped)

  it('has the phases of a plugin that is handed over', () => {
    expect(dump).toMatchObject({
      Name: 'ai-proxy',
      Version: '1.2.3',
      Priority: 770,
      Phases: ['access', 'log'],
    })
    expect(dump.Schema.name).toBe('ai-proxy')
    expect(dumped.type).toBe('record')
  })

  /** Kong's schema in Kong/kong, `kong/llm/schemas/init.lua` and `kong/plugins/ai-proxy/schema.lua`. */
  const KONG: Record<string, Partial<Field>> = {
    route_type: {
      type: 'string',
      required: true,
      one_of: ['llm/v1/chat', 'llm/v1/completions', 'preserve'],
    },
    auth: { type: 'record' },
    'auth.header_name': { type: 'string', referenceable: true },
    'auth.header_value': { type: 'string', referenceable: true, encrypted: true },
    'auth.param_name': { type: 'string', referenceable: true },
    'auth.param_value': { type: 'string', referenceable: true, encrypted: true },
    'auth.param_location': { type: 'string', one_of: ['query', 'body'] },
    'auth.gcp_use_service_account': { type: 'boolean', default: false },
    'auth.gcp_service_account_json': { type: 'string', referenceable: true },
    'auth.aws_access_key_id': { type: 'string', referenceable: true, encrypted: true },
    'auth.aws_secret_access_key': { type: 'string', referenceable: true, encrypted: true },
    'auth.allow_override': { type: 'boolean', default: false },
    model: { type: 'record', required: true },
    'model.provider': { type: 'string', required: true },
    'model.name': { type: 'string' },
    'model.options': { type: 'record' },
    'model.options.max_tokens': { type: 'integer' },
    'model.options.input_cost': { type: 'number', gt: 0 },
    'model.options.output_cost': { type: 'number', gt: 0 },
    'model.options.temperature': { type: 'number', between: [0, 5] },
    'model.options.top_p': { type: 'number', between: [0, 1] },
    'model.options.top_k': { type: 'integer', between: [0, 500] },
    'model.options.anthropic_version': { type: 'string' },
    'model.options.azure_instance': { type: 'string' },
    'model.options.azure_api_version': { type: 'string', default: '2023-05-15' },
    'model.options.azure_deployment_id': { type: 'string' },
    'model.options.llama2_format': { type: 'string', one_of: ['raw', 'openai', 'ollama'] },
    'model.options.mistral_format': { type: 'string', one_of: ['openai', 'ollama'] },
    'model.options.upstream_url': { type: 'string' },
    'model.options.upstream_path': { type: 'string', deprecation: expect.anything() as never },
    'model.options.gemini': {
      type: 'record',
      entity_checks: [{ mutually_required: ['api_endpoint', 'project_id', 'location_id'] }],
    },
    'model.options.gemini.api_endpoint': { type: 'string' },
    'model.options.gemini.project_id': { type: 'string' },
    'model.options.gemini.location_id': { type: 'string' },
    'model.options.bedrock': { type: 'record' },
    'model.options.bedrock.aws_region': { type: 'string' },
    'model.options.huggingface': { type: 'record' },
    'model.options.huggingface.use_cache': { type: 'boolean' },
    'model.options.huggingface.wait_for_model': { type: 'boolean' },
    logging: { type: 'record', required: true },
    'logging.log_statistics': { type: 'boolean', required: true, default: false },
    'logging.log_payloads': { type: 'boolean', required: true, default: false },
    response_streaming: { type: 'string', default: 'allow', one_of: ['allow', 'deny', 'always'] },
    max_request_body_size: { type: 'integer' },
    model_name_header: { type: 'boolean', default: true },
    llm_format: { type: 'string', default: 'openai' },
  }
  /** Where newer releases of Kong and this plugin allow for more. */
  const WIDER: Record<string, readonly (keyof Field)[]> = {
    'model.provider': ['one_of'],
    max_request_body_size: ['default', 'gt'],
    llm_format: ['one_of'],
    'auth.gcp_service_account_json': ['encrypted'],
  }

  it.each(Object.entries(KONG))('says of %s what Kong says', (path, kong) => {
    const ours = new Set<string>(['description', 'fields', ...(WIDER[path] ?? [])])
    const attributes = Object.entries(fields[path]!).filter(([name]) => !ours.has(name))
    expect(Object.fromEntries(attributes)).toEqual(kong)
  })

  it("has Kong's rules, in Kong's order", () => {
    const must = (provider: string, option: string) => ({
      conditional_at_least_one_of: {
        if_field: 'model.provider',
        if_match: { one_of: [provider] },
        then_at_least_one_of: [`model.options.${option}`],
        then_err: `must set %s for ${provider} provider`,
      },
    })
    expect(dumped.entity_checks?.slice(0, 9)).toEqual([
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
      must('llama2', 'llama2_format'),
      must('mistral', 'mistral_format'),
      must('anthropic', 'anthropic_version'),
      must('azure', 'azure_instance'),
      must('azure', 'azure_api_version'),
      must('azure', 'azure_deployment_id'),
    ])
    expect(dump.Schema.entity_checks.map((check) => check.conditional?.then_field)).toEqual([
      'config.route_type',
      ...Array(4).fill('config.model.provider'),
    ])
  })

  it("has Kong's protocols beside config", () => {
    expect(protocols.protocols).toMatchObject({ type: 'set', default: ['grpc', 'grpcs', 'http', 'https'] })
  })

  it('describes every field in as many characters as Kong takes', () => {
    const lengths = Object.values(fields).flatMap(({ description }) => description?.length ?? [])
    expect(lengths.length).toBeGreaterThan(40)
    expect(lengths.filter((length) => length < 10 || length > 500)).toEqual([])
  })

  it('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(dump))).toEqual(dump)
  })
})
