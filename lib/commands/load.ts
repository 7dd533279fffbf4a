import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)

/**
 * Loads a file of ours with all that it imports. These are some hundred small files: on Node.js 20 `import` hands each to other
 * threads and waits, more than a tenth of the time until a command serves; `require` reads it there and then. On later ones that
 * makes no difference but for some megabytes. Not every Node.js lets `require` load ES modules.
 */
export function load(file: URL): unknown {
  return process.features.require_module ? require(fileURLToPath(file)) : import(file.href)
}
