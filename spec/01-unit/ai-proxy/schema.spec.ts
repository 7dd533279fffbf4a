import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../../lib/schema/schema.js'
import * as module from '../../../plugins/ai-proxy/schema.js'
import { PROVIDERS } from '../../../plugins/ai-proxy/model-schema.js'

type Config = module.AiProxyConfig

class Plugin {
  access(): void {}
}

const drivers = PROVIDERS.filter((name) => name !== 'xai')
const schema = configSchema({ ...module, Plugin, validate: module.validateWith(drivers) }, 'ai-proxy')

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
          fetch_images: false,
          hold_ms: 10000,
          heartbeat_ms: 0,
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

  it('names the fields that take vault references', () => {
    const inAuth = [
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
    ]
    expect(schema.referenceable).toEqual([...inAuth, ...inAuth.map((name) => `targets.*.${name}`)])
    const reference = '{vault://env/openai-key}'
    expect(
      faults(config('openai', {}, { auth: { header_name: 'Authorization', header_value: reference } })),
    ).toEqual([])
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
