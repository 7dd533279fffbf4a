import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Logger } from '../../../lib/pdk/method.js'
import { loadPlugin, loadPluginsFolder, PluginLoadError } from '../../../lib/runtime/loader.js'

const FIXTURES = fileURLToPath(new URL('../../fixtures/plugins/', import.meta.url))

const lines: string[] = []
const note = (_fields: object, message: string) => void lines.push(message)
const log: Logger = { debug: note, info: note, warn: note, error: note }

const load = (file: string) => loadPlugin(path.join(FIXTURES, file), log)

describe('loading one plugin', () => {
  it('takes a CommonJS file, named by its file', async () => {
    const plugin = await load('greet.js')
    expect(plugin).toMatchObject({ name: 'greet', file: path.join(FIXTURES, 'greet.js') })
    expect(plugin.module).toMatchObject({
      Version: '1.0.0',
      Priority: 10,
      Schema: [{ greeting: { type: 'string' } }],
    })
    expect(plugin.module.Plugin.prototype.access).toBeTypeOf('function')
  })

  it('takes a folder whose package.json names the file; Name counts, in lower case', async () => {
    const plugin = await load('farewell')
    expect(plugin).toMatchObject({ name: 'farewell', file: path.join(FIXTURES, 'farewell/main.js') })
    expect(plugin.module.Name).toBe('Farewell')
  })

  it('takes a folder with an index.js in ESM, its default export, named by the folder', async () => {
    expect(await load('esm-folder')).toMatchObject({
      name: 'esm-folder',
      module: { Plugin: expect.any(Function) },
    })
  })

  it('takes an .mjs file', async () => {
    expect(await load('single.mjs')).toMatchObject({ name: 'single' })
  })

  it('compiles TypeScript with ESM imports beside module.exports, passes over imported types, and says so once', async () => {
    lines.length = 0
    const plugin = await load('greet-typed.ts')
    expect(plugin.name).toBe('greet-typed')
    const headers: unknown[] = []
    const response = { setHeader: (...header: unknown[]) => Promise.resolve(void headers.push(header)) }
    const Plugin = plugin.module.Plugin as new (config: object) => { access(kong: unknown): Promise<void> }
    await new Plugin({ greeting: 'ahoy' }).access({ response })
    expect(headers).toEqual([['x-greeting', '~ ahoy ~']])
    expect(lines).toEqual([expect.stringMatching(/^compiled with TypeScript 4\./)])
  })

  it('takes TypeScript in ESM', async () => {
    expect(await load('esm-typed.ts')).toMatchObject({ name: 'esm-typed', module: { Version: '1.0.0' } })
  })
})

describe('loading a folder', () => {
  it('takes every plugin in it and passes over all other files and folders', async () => {
    const plugins = await loadPluginsFolder(FIXTURES, log)
    expect(plugins.map(({ name }) => name)).toEqual([
      'esm-folder',
      'esm-typed',
      'farewell',
      'gate',
      'greet-typed',
      'greet',
      'shout',
      'single',
    ])
  })

  it('takes a folder with an index.ts, whose imports name .ts files', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'plugins-'))
    try {
      await mkdir(path.join(folder, 'typed'))
      const index = path.join(folder, 'typed/index.ts')
      await writeFile(index, "export { Typed as Plugin } from './handler.ts'\n")
      await writeFile(
        path.join(folder, 'typed/handler.ts'),
        'export class Typed { headerFilter(): void {} }\n',
      )
      const [plugin] = await loadPluginsFolder(folder, log)
      expect(plugin).toMatchObject({ name: 'typed', file: index })
      expect(plugin?.module.Plugin.prototype.headerFilter).toBeTypeOf('function')
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('says so when the folder is not there', async () => {
    await expect(loadPluginsFolder(path.join(FIXTURES, 'nowhere'), log)).rejects.toThrow(/nowhere: ENOENT/)
  })
})

describe('what is no plugin', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'plugins-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const faults: [file: string, source: string, fault: RegExp][] = [
    ['none.cjs', 'exports.plugin = class {}', /exports no class "Plugin"/],
    ['object.cjs', 'exports.Plugin = { access() {} }', /exports no class "Plugin"/],
    ['arrow.cjs', 'exports.Plugin = () => {}', /exports no class "Plugin"/],
    [
      'both.cjs',
      'exports.Plugin = class { response() {} bodyFilter() {} }',
      /"Plugin" has both "response" and "bodyFilter"/,
    ],
    [
      'schema.cjs',
      'exports.Plugin = class {}; exports.Schema = { word: {} }',
      /"Schema" must be a list of fields/,
    ],
    [
      'field.cjs',
      'exports.Plugin = class {}; exports.Schema = [{ word: "string" }]',
      /"Schema" must be a list/,
    ],
    ['priority.cjs', 'exports.Plugin = class {}; exports.Priority = "high"', /"Priority" must be an integer/],
    ['name.cjs', 'exports.Plugin = class {}; exports.Name = 1', /"Name" must be a string/],
    ['version.cjs', 'exports.Plugin = class {}; exports.Version = 1', /"Version" must be a string/],
    ['throws.cjs', 'throw new Error("no luck")', /no luck/],
    ['syntax.ts', 'export class Plugin {}\nconst = 1', /line 2: Variable declaration expected/],
  ]

  it.each(faults)('refuses %s, naming the file and its fault', async (name, source, fault) => {
    const file = path.join(folder, name)
    await writeFile(file, source)
    const error: unknown = await loadPlugin(file, log).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(PluginLoadError)
    expect((error as Error).message).toMatch(fault)
    expect((error as Error).message.startsWith(`${file}: `)).toBe(true)
  })

  it('refuses a folder without an entry', async () => {
    await mkdir(path.join(folder, 'empty'))
    await expect(loadPlugin(path.join(folder, 'empty'), log)).rejects.toThrow(/has neither an index.js/)
  })

  it('refuses two plugins of one name, naming both files', async () => {
    const twins = path.join(folder, 'twins')
    await mkdir(twins)
    await writeFile(path.join(twins, 'a.cjs'), 'exports.Plugin = class {}; exports.Name = "Twin"')
    await writeFile(path.join(twins, 'twin.cjs'), 'exports.Plugin = class {}')
    await expect(loadPluginsFolder(twins, log)).rejects.toThrow(
      /twin\.cjs: the plugin "twin" is already in .*a\.cjs/,
    )
  })
})
