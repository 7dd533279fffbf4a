import { readFile } from 'node:fs/promises'

/**
 * The environment in which a Node.js process writes to a file what it loads: ES modules and what they import of Node.js
 * as it goes, what was loaded by `require` at its end.
 */
export function listingLoads(file: string): Record<string, string> {
  const hooks = `
    import { appendFileSync } from 'node:fs'
    export function load(url, context, next) {
      appendFileSync(${JSON.stringify(file)}, url + '\\n')
      return next(url, context)
    }`
  const main = `
    import { appendFileSync } from 'node:fs'
    import { createRequire, register } from 'node:module'
    register(${JSON.stringify(asUrl(hooks))})
    process.on('exit', () => {
      const { cache } = createRequire(process.cwd() + '/')
      appendFileSync(${JSON.stringify(file)}, Object.keys(cache).join('\\n') + '\\n')
    })`
  return { NODE_OPTIONS: `--import ${asUrl(main)}` }
}

/** What it lists. */
export interface Loads {
  /** Packages, by name. */
  readonly packages: ReadonlySet<string>
  /** Files of packages: `ajv/dist/core.js`. */
  readonly packageFiles: readonly string[]
  /** Files of ours, below `dist`. */
  readonly own: readonly string[]
  /** Modules of Node.js that ours import: `node:http`. */
  readonly builtIn: ReadonlySet<string>
}

export async function loadsIn(file: string): Promise<Loads> {
  const all = (await readFile(file, 'utf8')).split('\n')
  const after = (mark: string) => all.flatMap((one) => (one.includes(mark) ? [one.split(mark).at(-1)!] : []))
  const packageFiles = after('/node_modules/')
  return {
    packageFiles,
    packages: new Set(packageFiles.map((one) => /^(?:@[^/]+\/)?[^/]+/.exec(one)![0])),
    own: after('/dist/').filter((one) => /^(?:lib|plugins)\//.test(one)),
    builtIn: new Set(all.filter((one) => one.startsWith('node:'))),
  }
}

export function asUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code).replaceAll("'", '%27')}`
}
