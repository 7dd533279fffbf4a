import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { residentBytes } from './accounting.js'
import { startChild, stopAll } from './child.js'
import { gatewayConfig } from './kong-config.js'
import { spread } from './stats.js'

/*
 * How long the gateway takes until it serves, from the start of its process, and what it holds when nobody asks anything
 * of it; beside it a Node that does nothing.
 */

const CLI = fileURLToPath(new URL('../lib/cli.js', import.meta.url))
const TIMES = 10
const IDLE_MS = 1000

async function measure(name: string, args: readonly string[], announces: RegExp): Promise<void> {
  const times: number[] = []
  const memory: number[] = []
  for (let time = 0; time < TIMES; time++) {
    const started = performance.now()
    const child = await startChild(process.execPath, args, announces)
    times.push(performance.now() - started)
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    memory.push(residentBytes(child.pid) / 2 ** 20)
    await child.stop()
  }
  const [time, held] = [spread(times), spread(memory)]
  const range = `${time.min.toFixed(0)}–${time.max.toFixed(0)}`
  process.stdout.write(
    `${name}: ${time.median.toFixed(0)} ms (${range}), ${held.median.toFixed(0)} MB resident\n`,
  )
}

const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-bench-'))
try {
  const config = path.join(folder, 'kong.yml')
  await writeFile(config, gatewayConfig('http://127.0.0.1:1'))
  await measure('node', ['-e', 'console.log("up"); setInterval(() => {}, 1e6)'], /up/)
  const listen = ['--proxy-listen', '127.0.0.1:0', '--status-listen', '127.0.0.1:0']
  await measure('gateway', [CLI, 'gateway', '--config', config, ...listen], /proxy on/)
} finally {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
}
