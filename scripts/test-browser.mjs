// Runs the specs that need a browser, if there is one: the `chromium` of the PATH.

import { spawnSync } from 'node:child_process'

if (spawnSync('chromium', ['--version']).error) {
  console.log('browser specs skipped: there is no chromium on the PATH')
} else {
  const args = ['vitest', 'run', '--config', 'vitest.browser.config.ts']
  process.exitCode = spawnSync('npx', args, { stdio: 'inherit' }).status ?? 1
}
