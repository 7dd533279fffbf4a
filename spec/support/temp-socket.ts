import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A path for a unix socket, in a folder of its own that goes with the test; with `afterAll`, with its suite. */
export function temporarySocket(atEnd: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'kong-ai-'))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'plugin.sock')
}
