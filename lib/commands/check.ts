import { formatFault } from '../gateway/faults.js'
import { processLogger } from '../runtime/logger.js'
import { readConfig } from './config-file.js'
import { type Command, parseOptions, usage, type OptionTable } from './options.js'
import { installedPlugins } from './plugins.js'

const OPTIONS: OptionTable = {
  plugins: {
    value: 'DIR',
    env: 'KONG_AI_PLUGINS',
    multiple: true,
    help: 'a folder of plugins; may be repeated',
  },
}

export const command: Command = { run: check, usage: usage('check [FILE] [options]', OPTIONS) }

/** `kong-ai check [kong.yml]`: says whether a declarative config is valid. */
async function check(args: string[]): Promise<number> {
  const options = parseOptions(args, OPTIONS, process.env, 1)
  const file = options.positionals[0] ?? process.env.KONG_DECLARATIVE_CONFIG ?? 'kong.yml'
  const result = await readConfig(file, await installedPlugins(options.all('plugins'), processLogger()))
  if ('faults' in result) {
    for (const fault of result.faults) process.stderr.write(`${formatFault(fault)}\n`)
    return 1
  }
  for (const warning of result.warnings) process.stderr.write(`warning: ${formatFault(warning)}\n`)
  process.stdout.write(`${file} is valid\n`)
  return 0
}
