import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LoadOptions, loadDeclarative } from '../../../lib/gateway/declarative.js'
import type { GatewayConfig } from '../../../lib/gateway/entities.js'
import { formatFault } from '../../../lib/gateway/faults.js'
import { configSchema } from '../../../lib/schema/schema.js'

class Plugin {
  access(): void {}
}

const echo = configSchema(
  {
    Plugin,
    Priority: 770,
    Schema: [
      {
        model: {
          type: 'record',
          required: true,
          fields: [
            { provider: { type: 'string', required: true, one_of: ['openai', 'cohere'] } },
            { name: { type: 'string' } },
          ],
        },
      },
      { retries: { type: 'integer', default: 3 } },
      { key: { type: 'string', referenceable: true, len_min: 5 } },
      {
        targets: {
          type: 'array',
          elements: { type: 'record', fields: [{ key: { type: 'string', referenceable: true } }] },
        },
      },
    ],
    ConfigChecks: [{ at_least_one_of: ['key', 'targets'] }],
  },
  'echo',
)
const plain = configSchema({ Plugin }, 'plain')

const options: LoadOptions = {
  plugins: new Map([echo, plain].map((schema) => [schema.name, schema])),
  env: { LLM_KEY: 'sk-secret' },
  file: 'kong.yml',
}

/** The config of a text that must be right; its first line is the format's version. */
function load(text: string): GatewayConfig {
  const result = loadDeclarative(`_format_version: "3.0"\n${text}`, options)
  if ('faults' in result) throw new Error(result.faults.map(formatFault).join('\n'))
  return result.config
}

/** The faults as `kong-ai check` prints them. The text begins in line 2. */
function faults(text: string): string[] {
  const result = loadDeclarative(`_format_version: "3.0"\n${text}`, options)
  return 'faults' in result ? result.faults.map(formatFault) : []
}

const CONFIG = '{ model: { provider: openai }, key: abcdef }'

describe('a Service', () => {
  it('gets all defaults', () => {
    const [service] = load('services: [{ name: llm, host: example.com }]').services.values()
    expect(service).toEqual({
      id: 'c01215fb-acce-5a3f-8bfa-a00f3f3c9618',
      name: 'llm',
      protocol: 'http',
      host: 'example.com',
      port: 80,
      retries: 5,
      connect_timeout: 60000,
      write_timeout: 60000,
      read_timeout: 60000,
      enabled: true,
      created_at: expect.any(Number) as number,
      updated_at: expect.any(Number) as number,
    })
  })

  it.each([
    ['http://localhost:1', { protocol: 'http', host: 'localhost', port: 1, path: undefined }],
    ['https://example.com', { protocol: 'https', host: 'example.com', port: 443, path: undefined }],
    ['https://example.com:80/v1/', { protocol: 'https', host: 'example.com', port: 80, path: '/v1/' }],
    ['http://[::1]:9000/', { protocol: 'http', host: '::1', port: 9000, path: '/' }],
  ])('takes %s apart', (url, parts) => {
    const [service] = load(`services: [{ url: "${url}" }]`).services.values()
    expect({ path: undefined, ...service }).toMatchObject(parts)
  })

  it('keeps what is set', () => {
    const text = `services:
- { id: 5b1a3b6e-0000-4000-8000-000000000001, protocol: https, host: 10.0.0.1, port: 8443, path: /v1, retries: 0,
    read_timeout: 3600000, tls_verify: true, enabled: false, tags: [a, b] }`
    expect([...load(text).services.values()][0]).toMatchObject({
      id: '5b1a3b6e-0000-4000-8000-000000000001',
      path: '/v1',
      retries: 0,
      read_timeout: 3600000,
      tls_verify: true,
      enabled: false,
      tags: ['a', 'b'],
    })
  })

  it.each([
    ['{ name: x }', '2:12 services[0]: required field missing: host (or url)'],
    ['{ host: a.com, port: 70000 }', '2:27 services[0].port: value should be between 0 and 65535'],
    ['{ host: a.com, retries: 1.5 }', '2:27 services[0].retries: expected an integer'],
    ['{ host: a.com, enabled: yes }', '2:27 services[0].enabled: expected a boolean'],
    ['{ host: "a.com:80" }', '2:14 services[0].host: must not have a port'],
    ['{ host: a.com, protocol: tcp }', '2:27 services[0].protocol: expected one of: http, https'],
    ['{ host: a.com, protocol: grpcs }', '2:27 services[0].protocol: expected one of: http, https'],
    ['{ host: a.com, path: v1 }', '2:27 services[0].path: should start with: /'],
    ['{ host: a.com, path: /v1//x }', '2:27 services[0].path: invalid value: must not have empty segments'],
    ['{ host: a.com, path: /%zz }', "2:27 services[0].path: invalid url-encoded value: '%zz'"],
    [
      '{ host: a.com, name: a b }',
      "2:27 services[0].name: invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
    ],
    ['{ host: a.com, id: "1" }', '2:27 services[0].id: expected a valid UUID'],
    ['{ host: a.com, tags: [1] }', '2:34 services[0].tags[0]: expected a string'],
    [
      '{ host: a.com, tls_verify: true }',
      "2:27 services[0].tls_verify: can only be set when 'protocol' is 'https'",
    ],
    [
      '{ host: a.com, client_certificate: x }',
      '2:27 services[0].client_certificate: is not supported by this gateway',
    ],
    ['{ url: "http://a.com", port: 1 }', '2:14 services[0].url: must not stand beside its parts: port'],
    [
      '{ url: "tcp://a.com" }',
      "2:14 services[0].url: protocol 'tcp' is not supported (expected one of: http, https)",
    ],
    ['{ url: a.com }', '2:14 services[0].url: expected a URL such as https://example.com:8443/path'],
    [
      '{ url: "http://u:p@a.com" }',
      '2:14 services[0].url: must not have a user, a query or a fragment: they would not be sent',
    ],
    ['{ url: 1, host: a.com }', '2:14 services[0].url: expected a string'],
    ['{ host: a.com, routes: {} }', '2:27 services[0].routes: expected an array'],
    ['text', '2:12 services[0]: expected a record'],
  ])('%s is a fault', (service, fault) => {
    expect(faults(`services: [ ${service} ]`)).toEqual([
      `kong.yml:${fault.replace(/^2:(\d+)/, (_, n) => `2:${Number(n) + 1}`)}`,
    ])
  })

  it('says which fields there are', () => {
    const [fault] = faults('services: [{ host: a.com, hots: b }]')
    expect(fault).toMatch(
      /^kong\.yml:2:27 services\[0\]\.hots: unknown field \(allowed: id, name, url, protocol, host,/,
    )
    expect(fault).not.toContain('client_certificate')
  })
})

describe('a Route', () => {
  it('gets all defaults', () => {
    expect(load('routes: [{ name: chat, paths: [/chat] }]').routes).toEqual([
      {
        id: 'e4b88d1c-623f-5a40-b298-b23cfabd46de',
        name: 'chat',
        paths: ['/chat'],
        protocols: ['http', 'https'],
        regex_priority: 0,
        strip_path: true,
        path_handling: 'v0',
        preserve_host: false,
        https_redirect_status_code: 426,
        request_buffering: true,
        response_buffering: true,
        created_at: expect.any(Number) as number,
        updated_at: expect.any(Number) as number,
      },
    ])
  })

  it.each([
    ['{ paths: [] }', '13 routes[0]: must set one of methods, hosts, headers, paths'],
    [
      '{ paths: [chat] }',
      '23 routes[0].paths[0]: invalid value: should start with: / (fixed path) or ~/ (regex path)',
    ],
    ['{ paths: [/a//b] }', '23 routes[0].paths[0]: invalid value: must not have empty segments'],
    ['{ paths: [/ok, /a/../b] }', "28 routes[0].paths[1]: non-normalized path, consider use '/b' instead"],
    ['{ paths: [/../b] }', "23 routes[0].paths[0]: invalid path: '/../b' (no request can have it)"],
    ['{ paths: ["/%4"] }', "23 routes[0].paths[0]: invalid url-encoded value: '%4'"],
    [
      '{ paths: ["~/("] }',
      "23 routes[0].paths[0]: invalid regex: '/(' (Invalid regular expression: /^(?:/()/: Unterminated group)",
    ],
    ["{ paths: ['~/a\\Z'] }", "23 routes[0].paths[0]: invalid regex: '/a\\Z' (\\Z is not supported)"],
    [
      '{ hosts: ["*.a.*"] }',
      '23 routes[0].hosts[0]: invalid value: invalid wildcard: must have at most one wildcard',
    ],
    [
      '{ hosts: ["a.*.b"] }',
      '23 routes[0].hosts[0]: invalid value: invalid wildcard: must be placed at leftmost or rightmost label',
    ],
    ['{ hosts: ["a b"] }', '23 routes[0].hosts[0]: invalid value: a b'],
    ['{ hosts: ["a:99999"] }', '23 routes[0].hosts[0]: invalid port number'],
    ['{ methods: [get] }', '25 routes[0].methods[0]: invalid value: get'],
    ['{ headers: { x: y } }', '26 routes[0].headers.x: expected an array'],
    ['{ headers: { x: [] } }', '26 routes[0].headers.x: length must be at least 1'],
    [
      '{ headers: { x: ["~*("] } }',
      "30 routes[0].headers.x[0]: invalid regex: '(' (Invalid regular expression: /(/i: Unterminated group)",
    ],
    [
      '{ headers: { Host: [a] } }',
      "26 routes[0].headers.Host: cannot contain 'host' header, which must be specified in the 'hosts' attribute",
    ],
    ['{ paths: [/], protocols: [tcp] }', '39 routes[0].protocols[0]: expected one of: http, https'],
    ['{ paths: [/], protocols: [] }', '27 routes[0].protocols: length must be at least 1'],
    ['{ paths: [/], path_handling: v1 }', '27 routes[0].path_handling: expected one of: v0'],
    [
      '{ paths: [/], https_redirect_status_code: 200 }',
      '27 routes[0].https_redirect_status_code: expected one of: 426, 301, 302, 307, 308',
    ],
    ['{ paths: [/], snis: [a] }', '27 routes[0].snis: is not supported by this gateway'],
    ['{ paths: [/], expression: x }', '27 routes[0].expression: is not supported by this gateway'],
    ['{ paths: [/], service: nobody }', "27 routes[0].service: there is no service 'nobody'"],
    ['{ paths: [/], service: [] }', '27 routes[0].service: expected the name or the id of a service'],
  ])('%s is a fault', (route, fault) => {
    expect(faults(`  \nroutes: [  ${route} ]`)).toEqual([
      `kong.yml:3:${Number.parseInt(fault, 10) - 1}${fault.slice(2)}`,
    ])
  })

  it.each([
    '[*.a.com]',
    '[a.*]',
    '[a.com, "b.com:8000"]',
    '["*.a.com:80"]',
    '[10.0.0.1]',
    '["[::1]:80"]',
    '[a_b]',
  ])('takes hosts: %s', (hosts) => {
    expect(
      load(`routes: [{ hosts: ${hosts.replaceAll('*.a.com]', '"*.a.com"]').replace('[a.*]', '["a.*"]')} }]`)
        .routes,
    ).toHaveLength(1)
  })
})

describe('a plugin', () => {
  it('gets all defaults, its own among them', () => {
    expect(load(`plugins: [{ name: echo, config: ${CONFIG} }]`).plugins).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        name: 'echo',
        protocols: ['grpc', 'grpcs', 'http', 'https'],
        enabled: true,
        config: { model: { provider: 'openai' }, key: 'abcdef', retries: 3 },
        references: [],
        created_at: expect.any(Number) as number,
        updated_at: expect.any(Number) as number,
      },
    ])
  })

  it('needs no config where its schema needs none', () => {
    expect(
      load('plugins: [{ name: plain }, { name: plain, service: a }]\nservices: [{ name: a, host: b }]')
        .plugins,
    ).toHaveLength(2)
  })

  it('has faults that name the field below config, and its place', () => {
    const text = `services:
- name: llm
  url: http://localhost:1
  routes:
  - name: chat
    paths: [/chat]
    plugins:
    - name: echo
      config:
        model:
          name: gpt
          provider: opnai
        key: abcdef
        extra: 1
`
    expect(faults(text).toSorted()).toEqual([
      'kong.yml:13:11 services[0].routes[0].plugins[0].config.model.provider: expected one of: openai, cohere',
      'kong.yml:15:9 services[0].routes[0].plugins[0].config.extra: unknown field',
    ])
  })

  it('has faults of the whole config, too', () => {
    expect(faults('plugins:\n- name: echo\n  config: { model: { provider: openai } }')).toEqual([
      "kong.yml:4:3 plugins[0].config: at least one of these fields must be non-empty: 'key', 'targets'",
    ])
  })

  it('must be there, even if it is disabled: to pass over key-auth would open a door', () => {
    expect(faults('plugins: [{ name: key-auth, enabled: false }]')).toEqual([
      "kong.yml:2:13 plugins[0].name: there is no plugin 'key-auth' in this gateway (allowed: echo, plain)",
    ])
  })

  it.each([
    ['{ config: {} }', 'plugins[0]: required field missing: name'],
    ['{ name: plain, config: text }', 'plugins[0].config: expected a record'],
    ['{ name: plain, consumer: bob }', 'plugins[0].consumer: is not supported by this gateway'],
    ['{ name: plain, ordering: {} }', 'plugins[0].ordering: is not supported by this gateway'],
    [
      '{ name: plain, protocols: [tcp] }',
      'plugins[0].protocols[0]: expected one of: grpc, grpcs, http, https',
    ],
    ['{ name: plain, route: nobody }', "plugins[0].route: there is no route 'nobody'"],
    ['{ name: plain, service: "" }', 'plugins[0].service: expected the name or the id of a service'],
  ])('%s is a fault', (plugin, fault) => {
    expect(faults(`plugins: [${plugin}]`).map((line) => line.replace(/^\S+ /, ''))).toEqual([fault])
  })
})

describe('what belongs to what', () => {
  const nested = `services:
- name: llm
  host: a.com
  plugins: [{ name: plain }]
  routes:
  - name: chat
    paths: [/chat]
    plugins: [{ name: plain }]
plugins: [{ name: plain }]
`
  const flat = `plugins: [{ name: plain }, { name: plain, service: llm }, { name: plain, route: { name: chat } }]
routes: [{ name: chat, paths: [/chat], service: { id: c01215fb-acce-5a3f-8bfa-a00f3f3c9618 } }]
services: [{ name: llm, host: a.com }]
`
  const scopes = ({ services, routes, plugins }: GatewayConfig) => ({
    routes: routes.map(({ name, service }) => [name, service && services.get(service.id)?.name]),
    plugins: plugins.map(({ route, service }) => [route?.id, service?.id].join(':')).toSorted(),
  })

  it('is the same nested and flat, whatever the order', () => {
    expect(scopes(load(nested))).toEqual(scopes(load(flat)))
    expect(scopes(load(flat))).toEqual({
      routes: [['chat', 'llm']],
      plugins: [':', ':c01215fb-acce-5a3f-8bfa-a00f3f3c9618', 'e4b88d1c-623f-5a40-b298-b23cfabd46de:'],
    })
  })

  it('may be a Route and a Service at once', () => {
    const text = flat.replace('{ name: plain }', '{ name: plain, route: chat, service: llm }')
    expect(scopes(load(text)).plugins).toContain(
      'e4b88d1c-623f-5a40-b298-b23cfabd46de:c01215fb-acce-5a3f-8bfa-a00f3f3c9618',
    )
  })

  it('gives the same ids each time, also to what has no name', () => {
    const text = 'services: [{ host: a.com, routes: [{ paths: [/a] }, { paths: [/b] }] }, { host: b.com }]'
    const ids = () => [...load(text).services.keys(), ...load(text).routes.map(({ id }) => id)]
    expect(ids()).toEqual(ids())
    expect(new Set(ids()).size).toBe(4)
  })

  it("gives a nested plugin Kong's id", () => {
    expect(load(nested).plugins.find(({ service }) => service)?.id).toBe(
      '1144b950-d03f-503c-b390-6e896a4972a8',
    )
  })

  it('is not said twice', () => {
    const text =
      'services: [{ name: a, host: b, routes: [{ paths: [/], service: a }], plugins: [{ name: plain, route: x }] }]'
    expect(faults(text).map((line) => line.replace(/^\S+ /, ''))).toEqual([
      'services[0].routes[0].service: must not be set in a nested entity: it belongs to what it is nested in',
      'services[0].plugins[0].route: must not be set in a nested entity: it belongs to what it is nested in',
    ])
  })

  it.each([
    [
      'services: [{ name: a, host: b }, { name: a, host: c }]',
      [
        "services[1].name: uniqueness violation: 'services' entity with name set to 'a' already declared (services[0])",
      ],
    ],
    [
      'routes: [{ name: a, paths: [/] }]\nservices: [{ host: b, routes: [{ name: a, paths: [/] }] }]',
      [
        "routes[0].name: uniqueness violation: 'routes' entity with name set to 'a' already declared (services[0].routes[0])",
      ],
    ],
    [
      'plugins: [{ name: plain }, { name: plain }]',
      ["plugins[1]: a second 'plain' on the same scope: the first is plugins[0]"],
    ],
    [
      'services: [{ name: a, host: b, plugins: [{ name: plain }] }]\nplugins: [{ name: plain, service: a }]',
      ["plugins[0]: a second 'plain' on the same scope: the first is services[0].plugins[0]"],
    ],
    [
      'plugins: [{ name: plain, instance_name: x }, { name: echo, instance_name: x, config: { model: { provider: cohere }, key: abcde } }]',
      [
        "plugins[1].instance_name: uniqueness violation: 'plugins' entity with instance_name set to 'x' already declared (plugins[0])",
      ],
    ],
  ])('clashes: %s', (text, expected) => {
    expect(faults(text).map((line) => line.replace(/^\S+ /, ''))).toEqual(expected)
  })
})

describe('the file', () => {
  it.each([
    ['', 'kong.yml:1:1 expected a record'],
    ['- a', 'kong.yml:1:1 expected a record'],
    ['services: []', 'kong.yml:1:1 required field missing: _format_version: "3.0"'],
    ['_format_version: 3.0', 'kong.yml:1:1 _format_version: expected a string: "3.0", in quotes'],
    [
      '_format_version: "2.1"',
      'kong.yml:1:1 _format_version: expected one of: 3.0 (in older formats a regex path has no leading ~: convert the file first)',
    ],
    ['_format_version: "3.0"\n_transform: 1', 'kong.yml:2:1 _transform: expected a boolean'],
    ['_format_version: "3.0"\nservices: {}', 'kong.yml:2:1 services: expected an array'],
    ['_format_version: "3.0"\nconsumers: []', 'kong.yml:2:1 consumers: is not supported by this gateway'],
    ['_format_version: "3.0"\nupstreams: []', 'kong.yml:2:1 upstreams: is not supported by this gateway'],
    [
      '_format_version: "3.0"\nsevices: []',
      'kong.yml:2:1 sevices: unknown field (allowed: _format_version, _transform, _comment, _info, _ignore, services, routes, plugins)',
    ],
    ['_format_version: "3.0"\n_format_version: "3.0"', 'kong.yml:2:1 Map keys must be unique'],
    ['a: [', 'kong.yml:1:5 Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['a: !secret b', 'kong.yml:1:4 Unresolved tag: !secret'],
    [
      'a: *nobody',
      'kong.yml:1:1 ReferenceError: Unresolved alias (the anchor must be set before the alias): nobody',
    ],
  ])('%j is a fault', (text, fault) => {
    const result = loadDeclarative(text, options)
    expect('faults' in result && result.faults.map(formatFault)).toEqual([fault])
  })

  it('takes comments, what decK adds, and JSON', () => {
    const text = `{ "_format_version": "3.0", "_transform": true, "_comment": "x", "_info": {}, "_ignore": [1],
      "services": [{ "host": "a.com", "_comment": "y", "_ignore": [] }] }`
    expect(loadDeclarative(text, options)).toMatchObject({
      warnings: [],
      config: { routes: [], plugins: [] },
    })
  })

  it('takes null for nothing', () => {
    expect(load('services: [{ host: a.com, path: null, routes: null }]\nroutes: ~').services.size).toBe(1)
  })

  it('finds all faults in one go', () => {
    expect(faults('services: [{ port: x, routes: [{ paths: [a], hosts: 1 }] }]\nconsumers: []')).toHaveLength(
      5,
    )
  })

  it('follows anchors and merge keys to where a value was written', () => {
    const text = `_ignore:
- &base
  host: a.com
  retries: many
services:
- <<: *base
  name: one
`
    expect(faults(text)).toEqual(['kong.yml:5:3 services[0].retries: expected an integer'])
  })

  it('does not let aliases eat the memory', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    expect(faults(lines.join('\n'))[0]).toMatch(/^kong\.yml:1:1 .*Excessive alias count/)
  })

  it('takes __proto__ for a field like others', () => {
    expect(faults('services: [{ host: a.com, __proto__: { enabled: false } }]')[0]).toMatch(
      /__proto__: unknown field/,
    )
  })
})

describe('whatever the file holds', () => {
  const anything = fc.jsonValue({ maxDepth: 2 })
  const names = [
    'id',
    'name',
    'url',
    'host',
    'port',
    'path',
    'tags',
    'paths',
    'hosts',
    'headers',
    'methods',
    'protocols',
  ]
  const entity = fc.dictionary(
    fc.constantFrom(...names, 'service', 'route', 'config', '__proto__', '_comment'),
    anything,
  )
  const list = fc.oneof(anything, fc.array(entity, { maxLength: 3 }))
  const file = fc.record({ services: list, routes: list, plugins: list }, { requiredKeys: [] })

  it('there is a config or there are faults, each with a place in the file', () => {
    fc.assert(
      fc.property(file, (content) => {
        const text = JSON.stringify({ _format_version: '3.0', ...content }, null, 1)
        const result = loadDeclarative(text, options)
        const lines = text.split('\n')
        for (const { line, column } of 'faults' in result ? result.faults : result.warnings) {
          expect(column).toBeLessThanOrEqual(lines[line - 1]!.length)
        }
        expect('faults' in result ? result.faults.length : 1).toBeGreaterThan(0)
      }),
    )
  })
})

describe('vault references', () => {
  const config = (key: string) =>
    `plugins: [{ name: echo, config: { model: { provider: openai, name: "{vault://env/llm-key}" }, key: "${key}" } }]`

  it('are resolved where they may be, and text elsewhere', () => {
    const [plugin] = load(config('{vault://env/llm-key}')).plugins
    expect(plugin).toMatchObject({
      config: { key: 'sk-secret', model: { name: '{vault://env/llm-key}' } },
      references: [{ path: 'key', reference: '{vault://env/llm-key}', empty: false }],
    })
  })

  it('without a value leave the field empty, with a warning, though a value would have to be longer', () => {
    const result = loadDeclarative(`_format_version: "3.0"\n${config('{vault://env/nothing}')}`, options)
    if ('faults' in result) throw new Error('must load')
    expect(result.config.plugins[0]).toMatchObject({
      config: { key: '' },
      references: [{ path: 'key', reference: '{vault://env/nothing}', empty: true }],
    })
    expect(result.warnings.map(formatFault)).toEqual([
      'kong.yml:2:95 plugins[0].config.key: the environment variable NOTHING is not set',
    ])
  })

  it('to another vault are faults', () => {
    expect(faults(config('{vault://hcv/key}'))).toEqual([
      "kong.yml:2:95 plugins[0].config.key: {vault://hcv/key}: there is no vault 'hcv' (supported: env)",
    ])
  })

  it('keep their values out of faults', () => {
    const text = 'plugins: [{ name: echo, config: { model: { provider: x }, key: "{vault://env/llm-key}" } }]'
    expect(faults(text)).toHaveLength(1)
    expect(faults(text).join()).not.toContain('sk-secret')
  })
})
