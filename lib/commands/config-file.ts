import { readFile } from 'node:fs/promises'
import { loadDeclarative, type LoadResult } from '../gateway/declarative.js'
import type { PluginDefinition } from '../runtime/definition.js'

/**
 * Reads and checks a declarative config.
 *
 * @throws Error saying which file cannot be read, and why
 */
export async function readConfig(
  file: string,
  installed: ReadonlyMap<string, PluginDefinition>,
): Promise<LoadResult> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `${file} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`,
    )
  })
  const plugins = new Map([...installed].map(([name, { schema }]) => [name, schema]))
  return loadDeclarative(text, { plugins, env: process.env, file })
}
