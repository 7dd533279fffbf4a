import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild, stopAll } from './child.js'
import { parseArguments, USAGE } from './arguments.js'
import { LoadClient } from './load.js'
import { measure } from './measure.js'
import { report } from './report.js'

/*
 * Compares the gateway and the relay with others on one machine: see bench/README.md.
 */

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE)
    return
  }
  const options = parseArguments(process.argv.slice(2))
  if (platform() !== 'linux') throw new Error('the benchmarks read /proc: they run on Linux only')
  const folder = await mkdtemp(path.join(tmpdir(), 'kong-ai-bench-'))
  const client = new LoadClient()
  const cleanUp = async (): Promise<void> => {
    client.stop()
    await stopAll()
    await rm(folder, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void cleanUp().then(() => process.exit(1)))
  }
  const mock = await startChild(
    process.execPath,
    [fileURLToPath(new URL('mock.js', import.meta.url))],
    /on (\S+)/,
  )
  try {
    const { baseline, profiles } = options
    const setting = { mock: mock.match[1]!, folder, baseline, profiles }
    const results = await measure(options, setting, client, (line) => process.stderr.write(`${line}\n`))
    const { table, json } = report(results)
    process.stdout.write(table)
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(json, null, 2)}\n`)
  } finally {
    await cleanUp()
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
