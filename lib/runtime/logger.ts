import { createRequire } from 'node:module'
import type * as PinoModule from 'pino'
import type { Logger } from '../pdk/method.js'

/** JSON lines on stderr, so that stdout stays free for what a command prints. The first line loads what writes them. */
export function processLogger(level = 'info'): Logger {
  let loaded: Logger | undefined
  const logger = (): Logger => (loaded ??= pinoLogger(level))
  return {
    debug: (fields, message) => logger().debug(fields, message),
    info: (fields, message) => logger().info(fields, message),
    warn: (fields, message) => logger().warn(fields, message),
    error: (fields, message) => logger().error(fields, message),
  }
}

function pinoLogger(level: string): Logger {
  const load = createRequire(import.meta.url)
  const { pino }: typeof PinoModule = load('pino')
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }))
}
