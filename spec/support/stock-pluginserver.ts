import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { basename, dirname, join } from 'node:path'
import type { Replayed } from './kong-double-replay.js'
import { PROBE_FOLDER } from './probe.js'

export interface StockServer extends Replayed {
  kill(): Promise<void>
}

/** kong-pdk's own `kong-js-pluginserver`, in a process of its own, with the plugins of a folder. Resolves when it listens. */
export async function startStockServer(socket: string, plugins = PROBE_FOLDER): Promise<StockServer> {
  let child = await start(socket, plugins)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return {
    socket,
    kill,
    async restart() {
      await kill()
      child = await start(socket, plugins)
    },
  }
}

async function start(socket: string, plugins: string): Promise<ChildProcess> {
  const folder = dirname(createRequire(import.meta.url).resolve('kong-pdk/pdk.js'))
  const args = ['-d', plugins, '--kong-prefix', dirname(socket), '--sock-name', basename(socket)]
  const child = spawn(process.execPath, [join(folder, 'bin/kong-js-pluginserver'), ...args], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      PROBE_MAY_CRASH: '1',
      // Else its ts-node reads our tsconfig.json, and loads a TypeScript that has no compiler API any more.
      TS_NODE_SKIP_PROJECT: '1',
      TS_NODE_COMPILER: join(folder, 'node_modules/typescript'),
    },
  })
  while (!(await listens(socket))) {
    if (child.exitCode !== null) throw new Error(`kong-js-pluginserver ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return child
}

async function listens(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false
  const probe = connect(socket)
  return new Promise((resolve) => {
    probe.on('error', () => resolve(false))
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
  })
}
