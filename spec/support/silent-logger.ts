import type { Logger } from '../../lib/pdk/method.js'

const nothing = (): void => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
