import type { FilterKong, Kong } from '../../lib/pdk/kong.js'
import type { BodyArg, Plugin } from '../../lib/pdk/plugin.js'
import { requireFilters } from '../../lib/pdk/require-filters.js'

export interface Config {
  word: string
  replacement: string
}

/** One character a byte. A word in UTF-8 can only be found where its characters begin, so no text has to be decoded. */
const asBytes = (text: string) => Buffer.from(text).toString('latin1')

/**
 * Replaces a word in the response while it streams: the example to copy for a plugin of your own. It works on the bytes of any
 * body, so a word that an LLM's answer spreads over two events is not one to it.
 */
export class Redact implements Plugin {
  readonly #word: string
  readonly #replacement: string

  /** Once per configuration, not per request: what can be prepared is prepared here. */
  constructor(config: Config) {
    this.#word = asBytes(config.word)
    this.#replacement = asBytes(config.replacement)
  }

  /** Once per request. A plugin with filters makes sure that they will run: kong-pdk's own server has none. */
  async access(kong: Kong): Promise<void> {
    await requireFilters(kong)
  }

  /** Once per response, before its body. The last moment at which headers can change for sure. */
  headerFilter(kong: FilterKong): void {
    kong.response.clearHeader('content-length') // The body's length will be another.
    kong.ctx.plugin.kept = '' // State of one request lives in `kong.ctx.plugin`, never in the instance.
  }

  /** Once per piece of the body, as the network cut it. Whatever `arg.chunk` holds afterwards goes to the client at once. */
  bodyFilter(kong: FilterKong, arg: BodyArg): void {
    const { kept = '' } = kong.ctx.plugin
    const parts = `${String(kept)}${arg.chunk.toString('latin1')}`.split(this.#word)
    const last = parts.pop() ?? ''
    // The end of this piece may be the beginning of the word: it waits for the next one, unless there is none.
    const safe = arg.eof ? last.length : last.length - this.#begun(last)
    kong.ctx.plugin.kept = last.slice(safe)
    arg.chunk = Buffer.from([...parts, last.slice(0, safe)].join(this.#replacement), 'latin1')
  }

  /** How many bytes of the word `text` ends with. */
  #begun(text: string): number {
    let length = Math.min(text.length, this.#word.length - 1)
    while (!this.#word.startsWith(text.slice(text.length - length))) length -= 1
    return length
  }
}
