import { execFileSync } from 'node:child_process'
import path from 'node:path'

/** Before all specs: those that run commands run what is in `dist`. */
export default function build(): void {
  const setup = path.resolve(import.meta.dirname, '../../scripts/setup.mjs')
  execFileSync(process.execPath, [setup], { stdio: 'inherit' })
}
