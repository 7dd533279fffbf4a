import { parseArgs } from 'node:util'

/** A setting of a command: a flag and an environment variable of the same meaning. The flag wins. */
export interface Option {
  /** How a value is called in the usage text: `HOST:PORT`. */
  value: string
  env?: string
  default?: string
  /** May be given several times; the environment variable holds a comma-separated list. */
  multiple?: boolean
  help: string
}

export type OptionTable = Readonly<Record<string, Option>>

export interface Parsed {
  /** The last value given; `undefined` if there is none and no default. */
  one(name: string): string | undefined
  all(name: string): string[]
  positionals: string[]
}

/** The command line is not what the command takes; the message says what is. */
export class UsageError extends Error {}

export function parseOptions(
  args: string[],
  table: OptionTable,
  env: NodeJS.ProcessEnv,
  maxPositionals = 0,
): Parsed {
  const { values, positionals } = parse(args, table)
  if (positionals.length > maxPositionals) {
    throw new UsageError(`unexpected argument '${positionals[maxPositionals]}'`)
  }
  const all = (name: string): string[] => {
    const option = table[name]!
    const given = values[name]
    if (given !== undefined) return given
    const fromEnv = option.env === undefined ? undefined : env[option.env]
    if (fromEnv !== undefined && fromEnv !== '') {
      return option.multiple ? fromEnv.split(',').map((one) => one.trim()) : [fromEnv]
    }
    return option.default === undefined ? [] : [option.default]
  }
  return { all, one: (name) => all(name).at(-1), positionals }
}

function parse(args: string[], table: OptionTable) {
  const options = Object.fromEntries(
    Object.keys(table).map((name) => [name, { type: 'string', multiple: true } as const]),
  )
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true })
    return { values, positionals }
  } catch (error) {
    // Node's messages name the flag; what follows their first sentence is about its own API.
    throw new UsageError((error as Error).message.split('. ')[0]!)
  }
}

/** The usage text of a command, made from its table. */
export function usage(synopsis: string, table: OptionTable): string {
  const lines = Object.entries(table).map(([name, option]) => {
    const origin = [option.env, option.default && `default ${option.default}`].filter(Boolean).join(', ')
    return `  --${name} ${option.value}`.padEnd(34) + option.help + (origin ? ` (${origin})` : '')
  })
  return `usage: kong-ai ${synopsis}\n\n${lines.join('\n')}\n`
}
