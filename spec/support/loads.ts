import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The environment in which a Node.js process writes at its end what it loaded, however: what of a file ran is measured. */
export function listingLoads(folder: string): Record<string, string> {
  return { NODE_V8_COVERAGE: folder }
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

export async function loadsIn(folder: string): Promise<Loads> {
  const reports = await Promise.all(
    (await readdir(folder)).map((name) => readFile(path.join(folder, name), 'utf8')),
  )
  const all = reports.flatMap((report) => (JSON.parse(report) as Report).result.map(({ url }) => url))
  const after = (mark: string) => all.flatMap((one) => (one.includes(mark) ? [one.split(mark).at(-1)!] : []))
  const packageFiles = after('/node_modules/')
  const isOwn = (one: string) => !one.includes('/node_modules/') && /\/dist\/(?:lib|plugins)\//.test(one)
  const texts = await Promise.all(all.filter(isOwn).map((one) => readFile(fileURLToPath(one), 'utf8')))
  return {
    packageFiles,
    packages: new Set(packageFiles.map((one) => /^(?:@[^/]+\/)?[^/]+/.exec(one)![0])),
    own: after('/dist/').filter((one) => /^(?:lib|plugins)\//.test(one)),
    // Node.js loads more of its own than is asked of it.
    builtIn: new Set(
      texts.flatMap((text) => text.match(/(?<=(?:from |import |import\()')node:[^']+/g) ?? []),
    ),
  }
}

/** What of V8's report is read here. */
interface Report {
  readonly result: readonly { readonly url: string }[]
}
