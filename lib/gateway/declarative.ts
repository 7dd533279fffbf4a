import { isObject, type Json, type JsonObject } from '../llm/json.js'
import type { ConfigSchema } from '../schema/schema.js'
import type { GatewayConfig, PluginEntity, Route, Service } from './entities.js'
import { type ConfigFault, parsePath, type Path, pathText } from './faults.js'
import {
  type Fields,
  FILE_FIELDS,
  PLUGIN_FIELDS,
  readFields,
  ROUTE_FIELDS,
  SERVICE_FIELDS,
  URL_PARTS,
} from './fields.js'
import { entityId } from './ids.js'
import { type Named, Registry } from './registry.js'
import { parseServiceUrl } from './service-url.js'
import { readSource, type Source } from './source.js'
import type { Environment } from '../runtime/vault.js'
import { resolveReferences } from './references.js'

export interface LoadOptions {
  /** The plugins that there are, by name. */
  plugins: ReadonlyMap<string, ConfigSchema>
  /** What `{vault://env/...}` refers to. */
  env: Environment
  /** The name that faults give the file. */
  file: string
}

/** `warnings`: references without a value. They leave the field empty, as in Kong. */
export type LoadResult = { config: GatewayConfig; warnings: ConfigFault[] } | { faults: ConfigFault[] }

/**
 * Reads a declarative config in Kong's format 3.0 (https://developer.konghq.com/gateway/db-less-mode/): services,
 * routes and plugins, nested or flat. Whatever could not be run as it is meant is a fault, and all faults
 * are found in one go.
 */
export function loadDeclarative(source: string, options: LoadOptions): LoadResult {
  const parsed = readSource(source)
  if (Array.isArray(parsed))
    return { faults: parsed.map((fault) => ({ file: options.file, path: '', ...fault })) }
  return new Reader(parsed, options).read()
}

/** The entities that a nested one belongs to. */
interface Parents {
  service?: Service | undefined
  route?: Route | undefined
}

class Reader {
  readonly #source: Source
  readonly #options: LoadOptions
  readonly #faults: ConfigFault[] = []
  readonly #warnings: ConfigFault[] = []
  readonly #services = new Registry<Service>('services')
  readonly #routes = new Registry<Route>('routes')
  readonly #plugins = new Registry<Named>('plugins', 'instance_name')
  readonly #scopes = new Map<string, Path>()
  readonly #config = {
    services: new Map<string, Service>(),
    routes: [] as Route[],
    plugins: [] as PluginEntity[],
  }
  readonly #now = Math.floor(Date.now() / 1000)

  constructor(source: Source, options: LoadOptions) {
    this.#source = source
    this.#options = options
  }

  read(): LoadResult {
    const file = this.#source.value
    this.#fields(file, FILE_FIELDS, [])
    if (isObject(file)) {
      const { _format_version, services, routes, plugins } = file
      if (_format_version === undefined || _format_version === null) {
        this.#fault([], 'required field missing: _format_version: "3.0"')
      }
      // References lead to what stands before them here: a flat route's service, a flat plugin's service and route.
      this.#each(services, ['services'], (value, path) => this.#readService(value, path))
      this.#each(routes, ['routes'], (value, path) => this.#readRoute(value, path, {}))
      this.#each(plugins, ['plugins'], (value, path) => this.#readPlugin(value, path, {}))
    }
    if (this.#faults.length > 0) return { faults: this.#faults }
    return { config: this.#config, warnings: this.#warnings }
  }

  #readService(value: Json, path: Path): void {
    const fields = this.#fields(this.#withoutUrl(value, path), SERVICE_FIELDS, path)
    if (fields === undefined || !isObject(value)) return
    if (fields.host === undefined && !value.url) this.#fault(path, 'required field missing: host (or url)')
    if (fields.tls_verify !== undefined && fields.protocol !== 'https') {
      this.#fault([...path, 'tls_verify'], "can only be set when 'protocol' is 'https'")
    }
    const service = this.#complete('services', fields, path) as Service
    this.#unique(this.#services.add(service, path), path)
    this.#config.services.set(service.id, service)
    this.#each(value.routes, [...path, 'routes'], (one, at) => this.#readRoute(one, at, { service }))
    this.#each(value.plugins, [...path, 'plugins'], (one, at) => this.#readPlugin(one, at, { service }))
  }

  /** A service with the parts of its address in the place of its `url`. */
  #withoutUrl(value: Json, path: Path): Json {
    if (!isObject(value) || value.url === undefined || value.url === null) return value
    const at = [...path, 'url']
    if (typeof value.url !== 'string') {
      this.#fault(at, 'expected a string')
      return value
    }
    const twice = URL_PARTS.filter((part) => value[part] !== undefined && value[part] !== null)
    if (twice.length > 0) this.#fault(at, `must not stand beside its parts: ${twice.join(', ')}`)
    const parts = parseServiceUrl(value.url)
    if ('fault' in parts) {
      this.#fault(at, parts.fault)
      return value
    }
    return { ...value, ...parts }
  }

  #readRoute(value: Json, path: Path, parents: Parents): void {
    const fields = this.#fields(value, ROUTE_FIELDS, path)
    if (fields === undefined || !isObject(value)) return
    const matchers = [fields.methods, fields.hosts, fields.headers, fields.paths]
    if (matchers.every((matcher) => Object.keys(matcher ?? {}).length === 0)) {
      this.#fault(path, 'must set one of methods, hosts, headers, paths')
    }
    const service = this.#reference('service', value, path, parents, this.#services)
    const route = this.#complete('routes', fields, path) as Route
    if (service !== undefined) route.service = { id: service.id }
    this.#unique(this.#routes.add(route, path), path)
    this.#config.routes.push(route)
    this.#each(value.plugins, [...path, 'plugins'], (one, at) => this.#readPlugin(one, at, { route }))
  }

  #readPlugin(value: Json, path: Path, parents: Parents): void {
    const fields = this.#fields(value, PLUGIN_FIELDS, path)
    if (fields === undefined || !isObject(value)) return
    const route = this.#reference('route', value, path, parents, this.#routes)
    const service = this.#reference('service', value, path, parents, this.#services)
    const { name } = fields
    if (name === undefined) return this.#fault(path, 'required field missing: name')
    if (typeof name !== 'string') return
    const schema = this.#options.plugins.get(name)
    if (schema === undefined) {
      const known = [...this.#options.plugins.keys()].join(', ')
      return this.#fault(
        [...path, 'name'],
        `there is no plugin '${name}' in this gateway (allowed: ${known})`,
      )
    }

    const scope = `plugins:*:${name}:${route?.id ?? ''}:${service?.id ?? ''}:`
    const first = this.#scopes.get(scope)
    if (first !== undefined) {
      return this.#fault(path, `a second '${name}' on the same scope: the first is ${pathText(first)}`)
    }
    this.#scopes.set(scope, path)

    const plugin = this.#complete(
      'plugins',
      fields,
      path,
      this.#pluginKey(name, value, parents),
    ) as PluginEntity
    if (route !== undefined) plugin.route = { id: route.id }
    if (service !== undefined) plugin.service = { id: service.id }
    this.#unique(this.#plugins.add({ id: plugin.id, name: plugin.instance_name }, path), path)
    Object.assign(plugin, this.#readConfig(value.config ?? {}, schema, [...path, 'config']))
    this.#config.plugins.push(plugin)
  }

  /** What Kong derives a plugin's id from: ids of what it is nested in, references as they are written. */
  #pluginKey(name: string, value: JsonObject, parents: Parents): string {
    const part = (kind: 'route' | 'service') => parents[kind]?.id ?? referenceText(value[kind] ?? '') ?? ''
    return `plugins:*:${name}:${part('route')}:${part('service')}:`
  }

  #readConfig(given: Json, schema: ConfigSchema, path: Path): Pick<PluginEntity, 'config' | 'references'> {
    if (!isObject(given)) {
      this.#fault(path, 'expected a record')
      return { config: {}, references: [] }
    }
    // As in Kong, references are checked as they are written: no secret can turn up in a message.
    const checked = schema.check(given)
    for (const { path: below, message } of checked.faults) {
      this.#fault([...path, ...(below === '@entity' ? [] : parsePath(below))], message)
    }
    const { config, references, problems } = resolveReferences(
      checked.config,
      schema.referenceable,
      this.#options.env,
    )
    for (const problem of problems) {
      const list = problem.fatal ? this.#faults : this.#warnings
      list.push(this.#at([...path, ...problem.path], problem.message))
    }
    return { config, references }
  }

  /** Another entity by its name or id; for a nested entity, the one it is nested in. */
  #reference<T extends Service | Route>(
    kind: 'service' | 'route',
    value: JsonObject,
    path: Path,
    parents: Parents,
    registry: Registry<T>,
  ): T | undefined {
    const written = value[kind]
    const at = [...path, kind]
    if (parents.service !== undefined || parents.route !== undefined) {
      if (written !== undefined && written !== null) {
        this.#fault(at, 'must not be set in a nested entity: it belongs to what it is nested in')
      }
      return parents[kind] as T | undefined
    }
    if (written === undefined || written === null) return undefined
    const reference = referenceText(written)
    if (reference === undefined) {
      this.#fault(at, `expected the name or the id of a ${kind}`)
      return undefined
    }
    const found = registry.find(reference)
    if (found === undefined) this.#fault(at, `there is no ${kind} '${reference}'`)
    return found
  }

  /** Gives an entity its id and its times. */
  #complete(kind: 'services' | 'routes' | 'plugins', fields: JsonObject, path: Path, key?: string): unknown {
    const name = typeof fields.name === 'string' ? fields.name : pathText(path)
    return { id: entityId(kind, key ?? name), created_at: this.#now, updated_at: this.#now, ...fields }
  }

  #unique(clash: ReturnType<Registry<Named>['add']>, path: Path): void {
    if (clash !== undefined) this.#fault([...path, clash.field], clash.message)
  }

  #fields(value: Json, fields: Fields, path: Path): JsonObject | undefined {
    return readFields(value, fields, (message, below = []) => this.#fault([...path, ...below], message))
  }

  #each(list: Json | undefined, path: Path, read: (value: Json, path: Path) => void): void {
    if (list === undefined || list === null) return
    if (!Array.isArray(list)) return this.#fault(path, 'expected an array')
    list.forEach((value, i) => read(value, [...path, i]))
  }

  #fault(path: Path, message: string): void {
    this.#faults.push(this.#at(path, message))
  }

  #at(path: Path, message: string): ConfigFault {
    return { file: this.#options.file, ...this.#source.locate(path), path: pathText(path), message }
  }
}

/** `name`, `{ name }` or `{ id }`, as Kong and as decK write a reference. */
function referenceText(value: Json): string | undefined {
  const reference = isObject(value) ? (value.id ?? value.name) : value
  return typeof reference === 'string' && reference !== '' ? reference : undefined
}
