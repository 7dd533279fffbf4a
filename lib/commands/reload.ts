import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { GatewayConfig } from '../gateway/entities.js'
import { formatFault } from '../gateway/faults.js'
import type { Logger } from '../pdk/method.js'
import type { PluginDefinition } from '../runtime/definition.js'
import { readConfig } from './config-file.js'

export interface ReloaderOptions {
  readonly file: string
  readonly plugins: ReadonlyMap<string, PluginDefinition>
  /** Throws or rejects where it goes on with the config that it has. */
  readonly gateway: { reload(config: GatewayConfig): void | Promise<void> }
  readonly log: Logger
}

/** One save is several events of the file system. Milliseconds. */
const SETTLE_MS = 100

/** Puts the config file's new content in force while requests run. What is wrong with it is logged, and the old one stays. */
export class Reloader {
  readonly #options: ReloaderOptions
  /** Reloads come one after the other: the last file that was asked for is the one in force. */
  #last: Promise<void> = Promise.resolve()
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #text: string | undefined

  constructor(options: ReloaderOptions) {
    this.#options = options
  }

  reload(): Promise<void> {
    this.#last = this.#last.then(() => this.#reload())
    return this.#last
  }

  /** Reloads when the file's content has changed. Looks at its folder: editors and Kubernetes put a new file in its place. */
  async watch(): Promise<void> {
    const { file, log } = this.#options
    this.#text = await this.#read()
    this.#watcher = watch(path.dirname(path.resolve(file)), { persistent: false }, () => {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.#onChange(), SETTLE_MS)
    })
    this.#watcher.on('error', (err) => log.error({ err }, 'the config file is not watched any more'))
  }

  close(): void {
    this.#watcher?.close()
    clearTimeout(this.#timer)
  }

  async #onChange(): Promise<void> {
    const text = await this.#read()
    if (text === this.#text) return
    this.#text = text
    await this.reload()
  }

  /** @returns undefined where there is no file: `reload` says so */
  #read(): Promise<string | undefined> {
    return readFile(this.#options.file, 'utf8').catch(() => undefined)
  }

  async #reload(): Promise<void> {
    const { file, plugins, gateway, log } = this.#options
    try {
      const loaded = await readConfig(file, plugins)
      if ('faults' in loaded) {
        log.error(
          { faults: loaded.faults.map(formatFault) },
          'the config was not reloaded: the old one stays',
        )
        return
      }
      await gateway.reload(loaded.config)
      log.info({ file }, 'the config was reloaded')
    } catch (err) {
      log.error({ err }, 'the config was not reloaded: the old one stays')
    }
  }
}
