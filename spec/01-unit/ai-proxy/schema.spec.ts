import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EntityCheck, type Field, type FieldEntry, fieldsOf } from '../../../lib/schema/field.js'
import { configSchema } from '../../../lib/schema/schema.js'
import type { ModelOptions } from '../../../lib/llm/driver.js'
import * as module from '../../../plugins/ai-proxy/schema.js'
import { PROVIDERS } from '../../../plugins/ai-proxy/model-schema.js'

type Config = module.AiProxyConfig

class Plugin {
  access(): void {}
  headerFilter(): void {}
  bodyFilter(): void {}
  log(): void {}
}

const drivers = PROVIDERS.filter((name) => name !== 'xai')
const schema = configSchema(
  { ...module, Plugin, Priority: 770, Version: '1.2.3', validate: module.validateWith(drivers) },
  'ai-proxy',
)

const auth = { header_name: 'Authorization', header_value: 'Bearer token' }
const parameter = { param_name: 'apikey', param_value: 'key', param_location: 'query' }

/** A chat route to a provider, with whatever else is given. */
function config(provider: string, options: object = {}, more: object = {}) {
  return { route_type: 'llm/v1/chat', auth, model: { provider, name: 'm', options }, ...more }
}

function faults(given: unknown): string[] {
  return schema.check(given).faults.map(({ path, message }) => `${path}: ${message}`)
}

describe('ai-proxy schema', () => {
  describe("Kong's own cases", () => {
    const elsewhere = { upstream_url: 'http://nowhere' }

    it('llama2 needs an upstream_url, mistral has a service of its own', () => {
      expect(faults(config('llama2', { llama2_format: 'raw' }))).toEqual([
        "@entity: must set 'model.options.upstream_url' for self-hosted providers/models",
      ])
      expect(faults(config('mistral', { mistral_format: 'ollama' }))).toEqual([])
    })

    it('a self-hosted model needs no auth', () => {
      expect(faults(config('llama2', { ...elsewhere, llama2_format: 'raw' }, { auth: undefined }))).toEqual(
        [],
      )
      expect(faults(config('mistral', { ...elsewhere, mistral_format: 'ollama' }, { auth: null }))).toEqual(
        [],
      )
    })

    it.each([
      ['llama2', elsewhere, ['llama2_format']],
      ['mistral', {}, ['mistral_format']],
      ['anthropic', {}, ['anthropic_version']],
      ['azure', {}, ['azure_instance', 'azure_deployment_id']],
    ])('%s needs options of its own', (provider, options, missing) => {
      expect(faults(config(provider, options))).toEqual(
        missing.map((option) => `@entity: must set 'model.options.${option}' for ${provider} provider`),
      )
    })

    it('azure without options lacks its API version, too', () => {
      expect(faults({ route_type: 'llm/v1/chat', model: { provider: 'azure' } })).toEqual([
        "@entity: must set 'model.options.azure_instance' for azure provider",
        "@entity: must set 'model.options.azure_api_version' for azure provider",
        "@entity: must set 'model.options.azure_deployment_id' for azure provider",
      ])
    })

    it('anthropic counts nothing on a completions route', () => {
      const given = config(
        'anthropic',
        { anthropic_version: '2021-09-01' },
        { route_type: 'llm/v1/completions' },
      )
      expect(faults(given)).toEqual([])
      expect(faults({ ...given, logging: { log_statistics: true } })).toEqual([
        '@entity: anthropic does not support statistics when route_type is llm/v1/completions',
      ])
    })

    it('header_name and header_value go together', () => {
      expect(faults(config('openai', elsewhere, { auth: { header_name: 'Authorization' } }))).toEqual([
        "@entity: all or none of these fields must be set: 'auth.header_name', 'auth.header_value'",
      ])
      expect(faults(config('openai', elsewhere))).toEqual([])
    })

    it('the three param_ fields go together, also beside a header', () => {
      const { param_location: _, ...incomplete } = parameter
      expect(faults(config('openai', elsewhere, { auth: incomplete }))).toEqual([
        "@entity: all or none of these fields must be set: 'auth.param_name', 'auth.param_value', 'auth.param_location'",
      ])
      expect(faults(config('openai', elsewhere, { auth: parameter }))).toEqual([])
      expect(faults(config('openai', elsewhere, { auth: { ...auth, ...parameter } }))).toEqual([])
    })

    it.each(['bedrock', 'gemini'])(
      '%s takes no credential from the client, and needs to say so',
      (provider) => {
        const refused = [
          'auth.allow_override: value must be false',
          '@entity: bedrock and gemini only support auth.allow_override = false',
        ]
        expect(faults(config(provider, {}, { auth: { ...auth, allow_override: true } }))).toEqual(refused)
        expect(faults(config(provider, {}, { auth: undefined }))).toEqual(refused)
        expect(faults(config(provider, {}, { auth: {} }))).toEqual([])
      },
    )

    it('a native format is for chat', () => {
      const native = { llm_format: 'gemini', route_type: 'llm/v1/completions' }
      expect(faults(config('gemini', {}, native))).toEqual([
        'route_type: value must be llm/v1/chat',
        "@entity: native provider options in llm_format can only be used with the 'llm/v1/chat' route_type",
      ])
      expect(faults(config('gemini', {}, { llm_format: 'gemini' }))).toEqual([])
    })

    it.each(['bedrock', 'gemini'])('the native format %s is for its provider', (format) => {
      expect(faults(config('openai', {}, { llm_format: format }))).toEqual([
        `model.provider: value must be ${format}`,
        `@entity: native llm_format '${format}' can only be used with the '${format}' model.provider`,
      ])
      expect(faults(config(format, {}, { llm_format: format }))).toEqual([])
    })

    it('Vertex AI needs all of its three fields', () => {
      expect(faults(config('gemini', { gemini: { project_id: 'p' } }))).toEqual([
        "model.options.gemini.@entity: all or none of these fields must be set: 'api_endpoint', 'project_id', 'location_id'",
      ])
      const vertex = { api_endpoint: 'e', project_id: 'p', location_id: 'l' }
      expect(faults(config('gemini', { gemini: vertex }))).toEqual([])
    })

    it('every rule is checked, whatever the others say', () => {
      const given = { model: { provider: 'azure' }, auth: { header_name: 'a', param_name: 'b' } }
      expect(faults(given)).toEqual([
        'route_type: required field missing',
        "@entity: all or none of these fields must be set: 'auth.header_name', 'auth.header_value'",
        "@entity: all or none of these fields must be set: 'auth.param_name', 'auth.param_value', 'auth.param_location'",
        "@entity: must set 'model.options.azure_instance' for azure provider",
        "@entity: must set 'model.options.azure_api_version' for azure provider",
        "@entity: must set 'model.options.azure_deployment_id' for azure provider",
      ])
    })
  })

  it.each([
    [{ route_type: 'chat' }, 'route_type: expected one of: llm/v1/chat, llm/v1/completions, preserve'],
    [{ response_streaming: 'no' }, 'response_streaming: expected one of: allow, deny, always'],
    [{ model: {}, auth: null }, 'model.provider: required field missing'],
    // Kong's own: with auth, the rule on allow_override asks for the provider first.
    [{ model: {} }, 'model.provider: field required for entity check'],
    [
      { model: { provider: 'openai', options: { temperature: 6 } } },
      'model.options.temperature: value should be between 0 and 5',
    ],
    [{ model: { provider: 'openai', options: { top_k: 1.5 } } }, 'model.options.top_k: expected an integer'],
    [
      { model: { provider: 'openai', options: { input_cost: 0 } } },
      'model.options.input_cost: value must be greater than 0',
    ],
    [{ auth: { key: 'x' } }, 'auth.key: unknown field'],
    [{ auth: 'key' }, 'auth: expected a record'],
    [{ logging: { log_payloads: 'yes' } }, 'logging.log_payloads: expected a boolean'],
    [{ max_request_body_size: -1 }, 'max_request_body_size: value must be greater than -1'],
    [{ hold_ms: -1 }, 'hold_ms: value should be between 0 and 2147483646'],
    [{ strict: 1 }, 'strict: expected a boolean'],
  ])('refuses %j', (change, fault) => {
    expect(faults({ ...config('openai'), ...change })).toContain(fault)
  })

  it("lists Kong's providers before its own", () => {
    expect(faults(config('acme'))[0]).toMatch(
      /^model\.provider: expected one of: openai, azure, anthropic, cohere, mistral, llama2, gemini, bedrock, huggingface, cerebras, /,
    )
  })

  it('refuses a provider without a driver by its name', () => {
    expect(faults(config('xai'))).toEqual([
      `model.provider: provider 'xai' is not supported, use one of: ${drivers.join(', ')}`,
    ])
  })

  it('databricks needs a workspace or a URL', () => {
    expect(faults(config('databricks'))).toEqual([
      "@entity: must set one of 'model.options.databricks.workspace_instance_id', 'model.options.upstream_url' for databricks provider",
    ])
    expect(faults(config('databricks', { databricks: { workspace_instance_id: 'dbc-1' } }))).toEqual([])
  })

  it.each([
    ['https://example.com/v1?a=b', undefined],
    ['http://localhost:11434', undefined],
    ['HTTPS://[::1]:8443/', undefined],
    ['https://$(uri_captures.region).example.com:$(headers.port)', undefined],
    ['api.example.com/v1', 'missing host in url'],
    ['localhost:8080/v1', 'missing host in url'],
    ['$(headers.url)', 'missing host in url'],
    ['https:///v1', 'missing host in url'],
    ['//api.example.com', 'missing scheme in url'],
    ['ftp://example.com', 'could not parse url. scheme must be http or https'],
    ['https://example.com:99999', 'could not parse url. invalid url'],
    ['https://exa mple.com', 'could not parse url. invalid url'],
  ])('upstream_url %s: %s', (upstream_url, message) => {
    const expected = message === undefined ? [] : [`model.options.upstream_url: ${message}`]
    expect(faults(config('openai', { upstream_url }))).toEqual(expected)
  })

  describe('defaults', () => {
    const minimal = { route_type: 'llm/v1/chat', model: { provider: 'openai' } }

    it('of the smallest config', () => {
      expect(schema.check(minimal)).toEqual({
        config: {
          ...minimal,
          logging: { log_statistics: false, log_payloads: false },
          response_streaming: 'allow',
          max_request_body_size: 1048576,
          model_name_header: true,
          llm_format: 'openai',
          strict: false,
          hold_ms: 10000,
        },
        faults: [],
      })
    })

    it('inside records only where the record is given', () => {
      const given = { ...minimal, auth: {}, model: { provider: 'openai', options: { dashscope: {} } } }
      const { auth, model } = schema.check(given).config as unknown as Config
      expect(auth).toEqual({
        allow_override: false,
        azure_use_managed_identity: false,
        gcp_use_service_account: false,
      })
      expect(model.options).toEqual({ azure_api_version: '2023-05-15', dashscope: { international: true } })
    })

    it('of no limits: body size and hold may be 0', () => {
      expect(faults({ ...minimal, max_request_body_size: 0, hold_ms: 0 })).toEqual([])
    })
  })

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
      hold_ms: 1,
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
      hold_ms: 1,
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

  it('names the fields that take vault references', () => {
    expect(schema.referenceable).toEqual([
      'auth.header_name',
      'auth.header_value',
      'auth.param_name',
      'auth.param_value',
      'auth.azure_client_id',
      'auth.azure_client_secret',
      'auth.azure_tenant_id',
      'auth.gcp_service_account_json',
      'auth.gcp_metadata_url',
      'auth.gcp_oauth_token_url',
      'auth.aws_access_key_id',
      'auth.aws_secret_access_key',
    ])
    const reference = '{vault://env/openai-key}'
    expect(
      faults(config('openai', {}, { auth: { header_name: 'Authorization', header_value: reference } })),
    ).toEqual([])
  })

  describe('dump', () => {
    interface Dump {
      Name: string
      Version: string
      Priority: number
      Phases: string[]
      Schema: { name: string; fields: [FieldEntry, { config: Field }]; entity_checks: EntityCheck[] }
    }
    const dump = schema.dump() as unknown as Dump
    const [protocols, { config: dumped }] = dump.Schema.fields

    function flat(record: Field, path = ''): [string, Field][] {
      return [...fieldsOf(record)].flatMap(([name, field]): [string, Field][] => [
        [path + name, field],
        ...flat(field, `${path}${name}.`),
      ])
    }
    const fields: Record<string, Field> = Object.fromEntries(flat(dumped))

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

  it('throws at no config, however hostile', () => {
    const paths = [
      'route_type',
      'auth',
      'model',
      'options',
      'provider',
      'gemini',
      'upstream_url',
      '__proto__',
      'x',
    ]
    const names = fc.constantFrom(...paths, 'logging', 'llm_format')
    const values = fc.constantFrom<unknown>(
      'openai',
      'gemini',
      'llm/v1/chat',
      '',
      null,
      7,
      true,
      '$(',
      'http://[',
    )
    const { value: configs } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        values,
        fc.anything(),
        fc
          .array(fc.tuple(names, tie('value')), { maxLength: 6 })
          .map((entries) => Object.fromEntries(entries)),
      ),
    }))
    fc.assert(
      fc.property(configs, configs, (some, model) => {
        for (const given of [some, { ...config('openai'), model, auth: some }]) {
          const checked = schema.check(given)
          const again = checked.faults.length === 0 ? schema.check(checked.config) : checked
          expect(again).toEqual(checked)
        }
      }),
      { numRuns: 300 },
    )
  })
})
