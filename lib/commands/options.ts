import { availableParallelism } from 'node:os'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { parseAddress, type Address } from '../runtime/listener.js'

/** One of `kong-ai`'s commands. */
export interface Command {
  /** Resolves with the exit code. */
  run: (args: string[]) => Promise<number>
  /** What `--help` prints. */
  usage: string
}

/** A setting of a command: a flag and an environment variable of the same meaning. The flag wins. */
export interface Option {
  /** How its value is called in the usage text: `HOST:PORT`. Absent: it takes none. */
  value?: string
  short?: string
  env?: string
  default?: string
  /** May be given several times; the environment variable holds a comma-separated list. */
  multiple?: boolean
  help: string
}

export type OptionTable = Readonly<Record<string, Option>>

export interface Parsed {
  /** Whether an option without a value was given, or its environment variable is neither empty, 0, false nor off. */
  has(name: string): boolean
  /** The last value given; `undefined` if there is none and no default. */
  one(name: string): string | undefined
  all(name: string): string[]
  positionals: string[]
}

/** The command line is not what the command takes; the message says what is. */
export class UsageError extends Error {}

const OFF: ReadonlySet<string> = new Set(['', '0', 'false', 'off'])

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
    if (given !== undefined) return [given].flat().map(String)
    const fromEnv = option.env === undefined ? undefined : env[option.env]
    if (fromEnv !== undefined && fromEnv !== '') {
      return option.multiple ? fromEnv.split(',').map((one) => one.trim()) : [fromEnv]
    }
    return option.default === undefined ? [] : [option.default]
  }
  const has = (name: string) => {
    const { env: variable } = table[name]!
    return values[name] !== undefined || (variable !== undefined && !OFF.has(env[variable] ?? ''))
  }
  return { all, has, one: (name) => all(name).at(-1), positionals }
}

function parse(args: string[], table: OptionTable) {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, { value, short }] of Object.entries(table)) {
    options[name] = { type: value === undefined ? 'boolean' : 'string', multiple: true }
    if (short !== undefined) options[name].short = short
  }
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    // Node's messages name the flag; what follows their first sentence is about its own API.
    throw new UsageError((error as Error).message.split('. ')[0])
  }
}

/** The usage text of a command, made from its table. */
export function usage(synopsis: string, table: OptionTable): string {
  const lines = Object.entries(table).map(([name, option]) => {
    const origin = [option.env, option.default && `default ${option.default}`].filter(Boolean).join(', ')
    return `  --${name} ${option.value ?? ''}`.padEnd(34) + option.help + (origin ? ` (${origin})` : '')
  })
  return `usage: kong-ai ${synopsis}\n\n${lines.join('\n')}\n`
}

/** @throws UsageError */
export function addressOption(text: string): Address {
  try {
    return parseAddress(text)
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

export const LOG_SINK_OPTION: Option = {
  value: 'stdout|FILE|URL',
  env: 'KONG_AI_LOG_SINK',
  help: 'where log entries go',
}

export const LIVE_PAGE_OPTION: Option = {
  env: 'KONG_AI_LIVE_PAGE',
  help: 'show the streams under way on the status listener',
}

export const MOCK_OPTION: Option = {
  value: 'URL',
  env: 'KONG_AI_MOCK_URL',
  help: 'where requests go whose provider has no key',
}

export const WORKERS_OPTION: Option = {
  value: 'N|auto',
  env: 'KONG_NGINX_WORKER_PROCESSES',
  default: '1',
  help: 'processes that share the work; auto is one for each core',
}

/** How many processes are to serve; 1: this one. @throws UsageError */
export function workersOption(options: Parsed): number {
  const text = options.one('workers')!
  if (text === 'auto') return availableParallelism()
  if (!/^[1-9]\d{0,2}$/.test(text)) {
    throw new UsageError(`--workers: '${text}' is neither a number from 1 to 999 nor auto`)
  }
  return Number(text)
}

/** @throws UsageError */
export function mockOption(options: Parsed): string | undefined {
  const url = options.one('mock')
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    throw new UsageError(`--mock: '${url}' is not an http URL`)
  }
  return url
}
