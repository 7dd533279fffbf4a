import type { Logger } from '../pdk/method.js'
import type { PluginInstance } from './chain.js'
import type { LiveExchange } from './exchange.js'
import { BodyAborted } from './incoming-request.js'
import { kongAnswer, UNEXPECTED } from './kong-answers.js'
import type { PluginScopes } from './plugin-scopes.js'

/** Runs the phases of an exchange that are awaited, plugin by plugin. */
export class AwaitedPhases {
  /** @param client who may not wait for the answer any more */
  constructor(
    private readonly x: LiveExchange,
    private readonly scopes: PluginScopes,
    private readonly logger: Logger,
    private readonly client: { readonly closed: boolean },
  ) {}

  /** Up to an exit. A plugin that throws is one: 500. */
  async run(phase: 'rewrite' | 'access' | 'response', plugins: readonly PluginInstance[]): Promise<void> {
    const { x } = this
    x.phase = phase
    for (const one of plugins) {
      try {
        const awaited = one.plugin[phase]!(this.scopes.kong(one))
        if (awaited) await awaited
      } catch (error) {
        if (this.client.closed || error instanceof BodyAborted) return
        // After an exit the plugin's code goes on: what it throws then is a matter of its own.
        if (!x.pendingExit) x.pendingExit = kongAnswer(500, UNEXPECTED, x.id)
        this.failed(one, error)
      }
      if (x.pendingExit || this.client.closed) return
    }
  }

  /** All of them. */
  async log(plugins: readonly PluginInstance[]): Promise<void> {
    this.x.phase = 'log'
    for (const one of plugins) {
      try {
        await one.plugin.log!(this.scopes.kong(one))
      } catch (error) {
        this.failed(one, error)
      }
    }
  }

  private failed({ name }: PluginInstance, err: unknown): void {
    this.logger.error({ plugin: name, phase: this.x.phase, err }, 'a plugin failed')
  }
}
