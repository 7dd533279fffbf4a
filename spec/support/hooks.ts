import { afterAll, afterEach, vi } from 'vitest'
import { closeAll } from './closing.js'

const { setTimeout } = globalThis

afterEach(closeAll)

// The next file may run in this process: it is to find it as this one did.
afterAll(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.unstubAllEnvs()
  if (globalThis.setTimeout !== setTimeout) throw new Error('the timers are not the real ones any more')
})
