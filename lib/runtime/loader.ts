import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Logger } from '../pdk/method.js'
import type { PluginModule } from '../pdk/plugin.js'
import { requireTypeScript } from './typescript.js'

/** A plugin as its file gives it. */
export interface LoadedPlugin {
  /** The module's `Name`, else the name of its file or folder; in lower case. */
  readonly name: string
  readonly module: PluginModule
  readonly file: string
}

/** A file that should be a plugin and is none. The message begins with the file. */
export class PluginLoadError extends Error {
  override readonly name = 'PluginLoadError'

  constructor(file: string, reason: unknown) {
    super(`${file}: ${reason instanceof Error ? reason.message : String(reason)}`, { cause: reason })
  }
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.js', '.cjs', '.mjs', '.ts'])

/**
 * Loads a plugin in one of kong-pdk's layouts: a file (CommonJS, ESM or TypeScript), or a folder with a package.json that names one
 * in `main`, or with an index.js or index.ts.
 * @throws PluginLoadError naming the file
 */
export async function loadPlugin(file: string, log: Logger): Promise<LoadedPlugin> {
  const given = path.resolve(file)
  const isFolder = (await stat(given).catch((error: unknown) => fail(given, error))).isDirectory()
  const entry = isFolder ? folderEntry(given) : given
  if (entry === undefined)
    return fail(given, 'has neither an index.js or index.ts nor a package.json with "main"')
  const module = await importModule(entry, log).catch((error: unknown) => fail(entry, error))
  const name = (module.Name ?? path.parse(isFolder ? given : entry).name).toLowerCase()
  return { name, module, file: entry }
}

/**
 * Loads all plugins of a folder, in the order of their names. Files of other kinds (README, .json, .d.ts, .map) and folders that
 * hold no plugin are passed over.
 * @throws PluginLoadError for the first file that is no plugin, and for two plugins of one name
 */
export async function loadPluginsFolder(folder: string, log: Logger): Promise<LoadedPlugin[]> {
  const loaded = new Map<string, LoadedPlugin>()
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) =>
    fail(folder, error),
  )
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.resolve(folder, entry.name)
    if (!isPlugin(file, entry.isDirectory())) continue
    const plugin = await loadPlugin(file, log)
    const other = loaded.get(plugin.name)
    if (other) fail(plugin.file, `the plugin "${plugin.name}" is already in ${other.file}`)
    loaded.set(plugin.name, plugin)
  }
  return [...loaded.values()]
}

function isPlugin(file: string, isFolder: boolean): boolean {
  const base = path.basename(file)
  if (base.startsWith('.') || base === 'node_modules') return false
  if (isFolder)
    return ['index.js', 'index.ts', 'package.json'].some((name) => existsSync(path.join(file, name)))
  return EXTENSIONS.has(path.extname(file)) && !file.endsWith('.d.ts')
}

/** The file that Node takes for the folder's module; else its index.ts. */
function folderEntry(folder: string): string | undefined {
  try {
    return createRequire(path.join(folder, 'package.json')).resolve(folder)
  } catch {
    const typed = path.join(folder, 'index.ts')
    return existsSync(typed) ? typed : undefined
  }
}

async function importModule(file: string, log: Logger): Promise<PluginModule> {
  const namespace: object = await (file.endsWith('.ts')
    ? importTypeScript(file, log)
    : importJavaScript(file))
  // Of a CommonJS module the default is `module.exports`; its named exports are only those that Node could guess.
  const whole: unknown = 'default' in namespace ? namespace.default : undefined
  const module = typeof whole === 'object' && whole !== null && 'Plugin' in whole ? whole : namespace
  checkModule(module)
  return module
}

function importJavaScript(file: string): Promise<object> {
  return import(pathToFileURL(file).href)
}

/** A Node that strips types loads most files itself. What it cannot (`import` beside `module.exports`, ...) is compiled. */
async function importTypeScript(file: string, log: Logger): Promise<object> {
  if ('typescript' in process.features && process.features.typescript) {
    try {
      return await importJavaScript(file)
    } catch {
      // The compiler's error says more than the stripper's.
    }
  }
  return requireTypeScript(file, log)
}

const FILTERS = ['headerFilter', 'bodyFilter'] as const

function checkModule(module: object): asserts module is PluginModule {
  const { Plugin, Name, Version, Priority, Schema }: Partial<Record<keyof PluginModule, unknown>> = module
  if (typeof Plugin !== 'function' || typeof Plugin.prototype !== 'object') {
    throw new TypeError('exports no class "Plugin"')
  }
  const phases: Record<string, unknown> = Plugin.prototype
  const filter = FILTERS.find((name) => typeof phases[name] === 'function')
  if (filter !== undefined && typeof phases.response === 'function') {
    throw new TypeError(
      `"Plugin" has both "response" and "${filter}": a plugin buffers the response or filters it`,
    )
  }
  if (Name !== undefined && (typeof Name !== 'string' || Name === ''))
    throw new TypeError('"Name" must be a string')
  if (Version !== undefined && typeof Version !== 'string') throw new TypeError('"Version" must be a string')
  if (Priority !== undefined && !Number.isInteger(Priority))
    throw new TypeError('"Priority" must be an integer')
  if (Schema !== undefined && !isFieldList(Schema)) {
    throw new TypeError('"Schema" must be a list of fields such as { message: { type: "string" } }')
  }
}

function isFieldList(schema: unknown): boolean {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  return (
    Array.isArray(schema) &&
    schema.every((field: unknown) => isObject(field) && Object.values(Object(field)).every(isObject))
  )
}

function fail(file: string, reason: unknown): never {
  throw new PluginLoadError(file, reason)
}
