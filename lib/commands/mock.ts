import { parseAddress } from '../runtime/listener.js'
import { DEFAULT_PACE, startMock, type MockOptions } from '../mock/server.js'
import { type Command, parseOptions, usage, UsageError, type OptionTable } from './options.js'
import { untilStopped } from './signals.js'

const OPTIONS = {
  listen: {
    value: 'HOST:PORT',
    env: 'KONG_AI_MOCK_LISTEN',
    default: '127.0.0.1:8111',
    help: 'where to listen; port 0 means any',
  },
  pace: {
    value: 'MS',
    env: 'KONG_AI_MOCK_PACE',
    default: String(DEFAULT_PACE),
    help: 'milliseconds between two events of a stream; 0 does not wait',
  },
} as const satisfies OptionTable

export const command: Command = { run: mock, usage: usage('mock [options]', OPTIONS) }

/**
 * `kong-ai mock`: runs a mock LLM provider until SIGTERM or SIGINT.
 *
 * @throws UsageError where the arguments are wrong
 */
export async function mock(args: string[]): Promise<number> {
  const provider = await startMock(readOptions(args))
  process.stdout.write(`mock LLM provider on ${provider.url}\n`)
  await untilStopped()
  await provider.close()
  return 0
}

function readOptions(args: string[]): MockOptions {
  const options = parseOptions(args, OPTIONS, process.env)
  const pace = options.one('pace') ?? ''
  if (!/^\d+$/.test(pace)) throw new UsageError(`--pace: '${pace}' is not a number of milliseconds`)
  try {
    return { ...parseAddress(options.one('listen') ?? ''), pace: Number(pace) }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
