import { isObject, type Json, type JsonObject } from '../llm/json.js'
import * as is from './checks.js'
import type { Check, Report } from './checks.js'

/** A field of an entity. `aside`: it does not become part of the entity. */
export interface Field {
  check: Check
  default?: Json
  aside?: true
}
export type Fields = Readonly<Record<string, Field>>

const aside: Field = { check: is.anything, aside: true }
const unsupported: Field = { check: is.unsupported }
const timestamp: Field = { check: is.integer(0, Number.MAX_SAFE_INTEGER) }
const flag = (value: boolean): Field => ({ check: is.boolean, default: value })
const milliseconds: Field = { check: is.integer(1, 2 ** 31 - 2), default: 60000 }
const id: Field = { check: is.text(is.uuid) }
const name: Field = { check: is.text(is.name) }
const tags: Field = { check: is.listOf(is.text()) }

/** Kong's other entities. */
const OTHER_ENTITIES = [
  'acls',
  'basicauth_credentials',
  'ca_certificates',
  'certificates',
  'consumer_groups',
  'consumers',
  'filter_chains',
  'hmacauth_credentials',
  'jwt_secrets',
  'key_sets',
  'keyauth_credentials',
  'keys',
  'oauth2_credentials',
  'parameters',
  'snis',
  'targets',
  'upstreams',
  'vaults',
  'workspaces',
]

/** Of the file itself. */
export const FILE_FIELDS: Fields = {
  _format_version: {
    check: (value, report) => {
      if (value === '3.0') return
      report(
        typeof value === 'number'
          ? 'expected a string: "3.0", in quotes'
          : 'expected one of: 3.0 (in older formats a regex path has no leading ~: convert the file first)',
      )
    },
  },
  _transform: { check: is.boolean, aside: true },
  _comment: aside,
  _info: aside,
  _ignore: aside,
  services: aside,
  routes: aside,
  plugins: aside,
  ...Object.fromEntries(OTHER_ENTITIES.map((entity) => [entity, unsupported])),
}

const HTTP = is.oneOf('http', 'https')

/** The parts of a Service's address, which `url` gives in one. */
export const URL_PARTS = ['protocol', 'host', 'port', 'path'] as const

export const SERVICE_FIELDS: Fields = {
  id,
  name,
  url: aside,
  protocol: { check: HTTP, default: 'http' },
  host: { check: is.text(is.serviceHost) },
  port: { check: is.integer(0, 65535), default: 80 },
  path: { check: is.text(is.servicePath) },
  retries: { check: is.integer(0, 32767), default: 5 },
  connect_timeout: milliseconds,
  write_timeout: milliseconds,
  read_timeout: milliseconds,
  tls_verify: { check: is.boolean },
  enabled: flag(true),
  tags,
  created_at: timestamp,
  updated_at: timestamp,
  routes: aside,
  plugins: aside,
  _comment: aside,
  _ignore: aside,
  client_certificate: unsupported,
  tls_verify_depth: unsupported,
  ca_certificates: unsupported,
}

export const ROUTE_FIELDS: Fields = {
  id,
  name,
  service: aside,
  protocols: { check: is.listOf(HTTP, 1), default: ['http', 'https'] },
  methods: { check: is.listOf(is.text(is.method)) },
  hosts: { check: is.listOf(is.text(is.routeHost)) },
  paths: { check: is.listOf(is.text(is.routePath)) },
  headers: { check: is.headers },
  regex_priority: { check: is.integer(-(2 ** 31), 2 ** 31 - 1), default: 0 },
  strip_path: flag(true),
  path_handling: { check: is.oneOf('v0'), default: 'v0' },
  preserve_host: flag(false),
  https_redirect_status_code: { check: is.oneOf(426, 301, 302, 307, 308), default: 426 },
  request_buffering: flag(true),
  response_buffering: flag(true),
  tags,
  created_at: timestamp,
  updated_at: timestamp,
  plugins: aside,
  _comment: aside,
  _ignore: aside,
  snis: unsupported,
  sources: unsupported,
  destinations: unsupported,
  expression: unsupported,
  priority: unsupported,
}

const PLUGIN_PROTOCOLS = ['grpc', 'grpcs', 'http', 'https']

export const PLUGIN_FIELDS: Fields = {
  id,
  name: { check: is.text() },
  instance_name: name,
  route: aside,
  service: aside,
  config: aside,
  protocols: { check: is.listOf(is.oneOf(...PLUGIN_PROTOCOLS), 1), default: PLUGIN_PROTOCOLS },
  enabled: flag(true),
  tags,
  created_at: timestamp,
  updated_at: timestamp,
  _comment: aside,
  _ignore: aside,
  consumer: unsupported,
  consumer_group: unsupported,
  ordering: unsupported,
}

/**
 * Checks an entity's fields and fills their defaults in. What is null counts as absent. A field that is not
 * known is a fault that says which are.
 */
export function readFields(value: Json, fields: Fields, report: Report): JsonObject | undefined {
  if (!isObject(value)) {
    report('expected a record')
    return undefined
  }
  const entity: JsonObject = {}
  for (const [key, field] of Object.entries(fields)) {
    const given = Object.hasOwn(value, key) ? value[key] : undefined
    if (given !== undefined && given !== null) {
      field.check(given, (message, below = []) => report(message, [key, ...below]))
    }
    if (field.aside) continue
    const taken = given ?? structuredClone(field.default)
    if (taken !== undefined) entity[key] = taken
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(fields, key)) report(unknownField(fields), [key])
  }
  return entity
}

function unknownField(fields: Fields): string {
  const allowed = Object.keys(fields).filter((key) => fields[key] !== unsupported)
  return `unknown field (allowed: ${allowed.join(', ')})`
}
