#!/usr/bin/env node
import { UsageError } from './commands/options.js'

type Command = (args: string[]) => Promise<number>

/** Loaded when called: no command pays for another's dependencies. */
const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  start: {
    summary: 'the gateway, with a mock provider where no key is set',
    load: async () => (await import('./commands/start.js')).start,
  },
  gateway: {
    summary: 'serve a declarative config without Kong',
    load: async () => (await import('./commands/gateway.js')).gateway,
  },
  check: {
    summary: 'say whether a declarative config is valid',
    load: async () => (await import('./commands/check.js')).check,
  },
  'plugin-server': {
    summary: 'serve plugins to a real Kong',
    load: async () => (await import('./commands/plugin-server.js')).pluginServer,
  },
  mock: {
    summary: 'a mock LLM provider',
    load: async () => (await import('./commands/mock.js')).mock,
  },
}

async function main([name, ...args]: string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) {
    const lines = Object.entries(COMMANDS).map(([known, { summary }]) => `  ${known.padEnd(16)}${summary}`)
    process.stderr.write(`usage: kong-ai COMMAND [options]\n\n${lines.join('\n')}\n`)
    return name === undefined || name === '--help' ? 0 : 2
  }
  try {
    return await (
      await command.load()
    )(args)
  } catch (error) {
    process.stderr.write(`kong-ai ${name}: ${(error as Error).message}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

process.exitCode = await main(process.argv.slice(2))
