import { pino } from 'pino'
import type { Logger } from '../pdk/method.js'

/** JSON lines on stderr, so that stdout stays free for what a command prints. */
export function processLogger(level = 'info'): Logger {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }))
}
