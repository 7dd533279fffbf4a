import type { JsonObject } from '../llm/json.js'

/*
 * Kong's entities under Kong's field names, with all defaults filled in, as its Admin API shows them. They are type
 * aliases and not interfaces, so that they are records for the PDK as well. Times are in seconds since 1970.
 */

/** Where requests go: https://developer.konghq.com/gateway/entities/service/ */
export type Service = {
  id: string
  name?: string
  protocol: 'http' | 'https'
  host: string
  port: number
  path?: string
  retries: number
  /** Milliseconds, as the two below. */
  connect_timeout: number
  write_timeout: number
  read_timeout: number
  /** Absent: the gateway's own setting, which is false as in Kong. */
  tls_verify?: boolean
  /** The routes of a disabled Service match nothing. */
  enabled: boolean
  tags?: string[]
  created_at: number
  updated_at: number
}

/** Which requests go there: https://developer.konghq.com/gateway/entities/route/ */
export type Route = {
  id: string
  name?: string
  /** Absent: only a plugin can answer. */
  service?: { id: string }
  protocols: ('http' | 'https')[]
  methods?: string[]
  hosts?: string[]
  /** A prefix, or after `~` a regular expression, anchored at the start. */
  paths?: string[]
  headers?: Record<string, string[]>
  regex_priority: number
  strip_path: boolean
  path_handling: 'v0'
  preserve_host: boolean
  https_redirect_status_code: 426 | 301 | 302 | 307 | 308
  request_buffering: boolean
  response_buffering: boolean
  tags?: string[]
  created_at: number
  updated_at: number
}

/** A field of a plugin's config whose value came from a vault. */
export interface FieldReference {
  /** Below `config`: `auth.header_value`, `targets[0].auth.header_value`. */
  path: string
  /** As written: `{vault://env/some-key}`. */
  reference: string
  /** The vault had no value for it, or an empty one. */
  empty: boolean
}

/** A plugin where it was switched on: https://developer.konghq.com/gateway/entities/plugin/ */
export type PluginEntity = {
  id: string
  name: string
  instance_name?: string
  /** Neither: global. Both: this Route as long as it leads to this Service. */
  route?: { id: string }
  service?: { id: string }
  /** Complete, and with all references resolved. */
  config: JsonObject
  references: FieldReference[]
  protocols: string[]
  enabled: boolean
  tags?: string[]
  created_at: number
  updated_at: number
}

/** A whole declarative config, checked. */
export interface GatewayConfig {
  /** By id. */
  services: ReadonlyMap<string, Service>
  /** In the order of the file, those nested in services first. */
  routes: readonly Route[]
  plugins: readonly PluginEntity[]
}
