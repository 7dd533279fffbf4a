import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { DEFAULT_PACE, startMock, type MockOptions } from '../mock/server.js'

const USAGE = 'usage: kong-ai mock [--listen HOST:PORT] [--pace MS]'
const DEFAULT_LISTEN = '127.0.0.1:8111'

/**
 * `kong-ai mock`: runs the mock LLM provider until SIGTERM or SIGINT.
 *
 *     --listen HOST:PORT   where to listen (KONG_AI_MOCK_LISTEN, 127.0.0.1:8111); port 0 takes any free one
 *     --pace MS            milliseconds between two events of a stream (30); 0 does not wait
 *
 * @returns the exit status: 2 for bad arguments, 1 where it cannot listen.
 */
export async function mock(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (typeof options === 'string') return fail(2, `${options}\n${USAGE}`)

  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  try {
    const provider = await startMock(options)
    process.stdout.write(`mock LLM provider on ${provider.url}\n`)
    await stopped
    await provider.close()
    return 0
  } catch (error) {
    return fail(1, messageOf(error))
  }
}

/** The options, or what is wrong with the arguments. */
function readOptions(args: string[]): MockOptions | string {
  try {
    const { values } = parseArgs({ args, options: { listen: { type: 'string' }, pace: { type: 'string' } } })
    const listen = values.listen ?? process.env.KONG_AI_MOCK_LISTEN ?? DEFAULT_LISTEN
    const pace = values.pace ?? String(DEFAULT_PACE)
    const [, host, port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(listen) ?? []
    if (host === undefined || Number(port) > 65535) return `not HOST:PORT: '${listen}'`
    if (!/^\d+$/.test(pace)) return `--pace is a number of milliseconds, not '${pace}'`
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port), pace: Number(pace) }
  } catch (error) {
    return messageOf(error)
  }
}

function fail(status: number, message: string): number {
  process.stderr.write(`kong-ai mock: ${message}\n`)
  return status
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
