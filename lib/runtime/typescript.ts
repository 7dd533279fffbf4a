import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Logger } from '../pdk/method.js'

/** The little that is needed of the compiler which kong-pdk brings along. The project's own is for checking only. */
interface Compiler {
  readonly version: string
  readonly ModuleKind: { readonly CommonJS: number }
  readonly ScriptTarget: { readonly ES2022: number }
  transpileModule(
    source: string,
    options: { fileName: string; reportDiagnostics: boolean; compilerOptions: Record<string, unknown> },
  ): { outputText: string; diagnostics?: readonly { messageText: unknown; start?: number }[] }
  flattenDiagnosticMessageText(text: unknown, newLine: string): string
}

const require = createRequire(import.meta.url)
let compiler: Compiler | undefined

/**
 * Loads a TypeScript module as kong-pdk's server does: compiled to CommonJS, types neither checked nor imported. The TypeScript
 * files that it imports go the same way. Loading the compiler costs half a second and 80 MB, once.
 * @throws SyntaxError with the compiler's message
 */
export function requireTypeScript(file: string, log: Logger): object {
  compiler ??= registerCompiler()
  const module: unknown = createRequire(file)(file)
  log.info({ file }, `compiled with TypeScript ${compiler.version}, as this Node.js does not run it as it is`)
  return { default: module }
}

function registerCompiler(): Compiler {
  const fromKongPdk = createRequire(require.resolve('kong-pdk/pdk.js'))
  const typescript: Compiler = fromKongPdk('typescript')
  // Node's own hook for other kinds of files: what ts-node uses too.
  require.extensions['.ts'] = (module, file) => {
    const source = readFileSync(file, 'utf8')
    Reflect.get(module, '_compile').call(module, compile(typescript, source, file), file)
  }
  return typescript
}

function compile(typescript: Compiler, source: string, file: string): string {
  const { outputText, diagnostics = [] } = typescript.transpileModule(source, {
    fileName: path.basename(file),
    reportDiagnostics: true,
    compilerOptions: {
      module: typescript.ModuleKind.CommonJS,
      target: typescript.ScriptTarget.ES2022,
      esModuleInterop: true,
    },
  })
  const [fault] = diagnostics
  if (fault) {
    const line = source.slice(0, fault.start).split('\n').length
    throw new SyntaxError(`line ${line}: ${typescript.flattenDiagnosticMessageText(fault.messageText, '\n')}`)
  }
  return outputText
}
