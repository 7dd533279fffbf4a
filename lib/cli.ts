#!/usr/bin/env node
import { load } from './commands/load.js'
import { type Command, UsageError } from './commands/options.js'

/** Loaded when called: no command pays for another's dependencies. */
const COMMANDS: Readonly<Record<string, { summary: string; file: string }>> = {
  start: {
    summary: 'the gateway, with a mock provider where no key is set',
    file: './commands/start.js',
  },
  gateway: {
    summary: 'serve a declarative config without Kong',
    file: './commands/gateway.js',
  },
  check: {
    summary: 'say whether a declarative config is valid',
    file: './commands/check.js',
  },
  'plugin-server': {
    summary: 'serve plugins to a real Kong',
    file: './commands/plugin-server.js',
  },
  mock: {
    summary: 'a mock LLM provider',
    file: './commands/mock.js',
  },
}

async function main([name, ...args]: string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) {
    const lines = Object.entries(COMMANDS).map(([known, { summary }]) => `  ${known.padEnd(16)}${summary}`)
    const asked = name === undefined || isHelp(name)
    const hint = 'kong-ai COMMAND --help says what it takes'
    const text = `usage: kong-ai COMMAND [options]\n\n${lines.join('\n')}\n\n${hint}\n`
    process[asked ? 'stdout' : 'stderr'].write(text)
    return asked ? 0 : 2
  }
  try {
    const loaded = (await load(new URL(command.file, import.meta.url))) as { command: Command }
    const { run, usage } = loaded.command
    if (!args.some(isHelp)) return await run(args)
    process.stdout.write(usage)
    return 0
  } catch (error) {
    process.stderr.write(`kong-ai ${name}: ${(error as Error).message}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function isHelp(argument: string): boolean {
  return argument === '--help' || argument === '-h'
}

process.exitCode = await main(process.argv.slice(2))
