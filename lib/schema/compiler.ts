import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Options, SchemaObject, ValidateFunction } from 'ajv'
import type * as AjvModule from 'ajv'
import type standalone from 'ajv/dist/standalone/index.js'

/*
 * Compiling a schema takes longer than all else at start-up, loading the compiler included. So the build compiles those
 * that it knows, the built-in plugins', into a file beside this one; others are compiled when a config is checked.
 */

const load = createRequire(import.meta.url)

/** Where the build puts what it compiled. There is none where the sources run as they are. */
export const AHEAD_FILE = fileURLToPath(new URL('validators.cjs', import.meta.url))

const OPTIONS = {
  allErrors: true,
  // The schemas are made here, and each is compiled once.
  meta: false,
  validateSchema: false,
  addUsedSchema: false,
  strict: false,
  strictNumbers: true,
} satisfies Options

/** A schema's own name: what was compiled of another one is never taken for it. */
function keyOf(schema: SchemaObject): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('hex')
}

let ahead: Readonly<Record<string, ValidateFunction>> | undefined
let compiler: AjvModule.Ajv | undefined

/** The validator of a schema: the one of the build, if it knew this very schema. */
export function compile(schema: SchemaObject): ValidateFunction {
  ahead ??= existsSync(AHEAD_FILE) ? (load(AHEAD_FILE) as typeof ahead & object) : {}
  return ahead[keyOf(schema)] ?? (compiler ??= newCompiler({ optimize: false })).compile(schema)
}

/** The text of the module that `compile` looks into. */
export function compileAhead(schemas: readonly SchemaObject[]): string {
  const ajv = newCompiler({ source: true })
  const keys: Record<string, string> = {}
  for (const schema of schemas) {
    const key = keyOf(schema)
    if (!(key in keys)) ajv.addSchema(schema, key)
    keys[key] = key
  }
  const { default: text }: { default: typeof standalone.default } = load('ajv/dist/standalone')
  return text(ajv, keys)
}

function newCompiler(code: Options['code'] & object): AjvModule.Ajv {
  const { Ajv }: typeof AjvModule = load('ajv')
  return new Ajv({ ...OPTIONS, code })
}
