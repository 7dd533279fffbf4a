import { isDeepStrictEqual } from 'node:util'
import { CloudAuthorizers } from '../../lib/credentials/cloud.js'
import { balancers, measured, type Peer } from './balancer.js'
import { Breaker } from './breaker.js'
import { AnswerHeaders } from './headers.js'
import type { Made } from './prepare.js'
import {
  type AiProxyBalancer,
  type AiProxyTarget,
  DEFAULT_BALANCER,
  DEFAULT_WEIGHT,
} from './resilience-schema.js'
import type { AiProxyAuth, AiProxyConfig } from './schema.js'
import { compileTemplates } from './template.js'
import { timeoutsOf } from './upstream-request.js'

/** A model behind an API that requests may go to, and what is known of how it does. */
export class Target implements Peer {
  /** The plugin's, with the target's own `model` and `auth`, and all targets in `targets`. */
  readonly config: AiProxyConfig
  /** Where in the plugin's config its own fields are: `config`, `config.targets[0]`. */
  readonly path: string
  readonly made: Made
  readonly answerHeaders = new AnswerHeaders()
  readonly weight: number
  active = 0
  latency: Peer['latency']
  credit = 0
  readonly breaker: Breaker

  constructor(
    config: AiProxyConfig,
    path: string,
    readonly key: string,
    { max_fails, fail_timeout }: AiProxyBalancer,
    weight: number,
  ) {
    this.config = config
    this.path = path
    this.made = {
      templates: compileTemplates(config.model),
      authorizers: new CloudAuthorizers(),
      timeouts: timeoutsOf(config),
    }
    this.weight = weight
    this.breaker = new Breaker({ maxFails: max_fails, failTimeout: fail_timeout })
  }

  /** @param latency milliseconds */
  measured(latency: number): void {
    measured(this, latency, performance.now())
  }
}

/** The targets of a config: `model` and `auth`, then `targets`. Their state is that of one plugin instance in one process. */
export class Targets {
  readonly all: readonly Target[]
  /** Without one and without further targets there is a single attempt, as in Kong's ai-proxy. */
  readonly balancer: AiProxyBalancer
  /** Where the credentials of the config stand in a request: a client may send its own there (`allow_override`). */
  readonly credentialNames: readonly string[]

  constructor(config: AiProxyConfig) {
    const { targets: others = [], balancer, auth: _, ...common } = config
    this.balancer = balancer ?? { ...DEFAULT_BALANCER, ...(others.length === 0 && { retries: 0 }) }
    const targets = allTargets(config)
    this.all = targets.map(({ model, auth, weight }, place) => {
      const own: AiProxyConfig = { ...common, targets, model, ...(auth && { auth: inLowerCase(auth) }) }
      const path = place === 0 ? 'config' : `config.targets[${place - 1}]`
      // Two of the same model are told apart by their order.
      const like = targets.slice(0, place).filter((other) => isDeepStrictEqual(other.model, model))
      return new Target(own, path, `${JSON.stringify(model)}${like.length}`, this.balancer, weight)
    })
    const names = this.all.flatMap(({ config: { auth } }) => [
      auth?.header_name,
      auth?.param_name?.toLowerCase(),
    ])
    this.credentialNames = [...new Set(names.filter((name) => name !== undefined))]
  }

  /** @param hashed value of the header that consistent hashing goes by */
  choose(among: readonly Target[], hashed?: string): Target | undefined {
    if (among.length < 2) return among[0]
    return balancers[this.balancer.algorithm](among, performance.now(), hashed)
  }
}

/** With the name of its header as requests have it, so that this need not be found for each. */
function inLowerCase(auth: AiProxyAuth): AiProxyAuth {
  const { header_name: name } = auth
  return name === undefined ? auth : { ...auth, header_name: name.toLowerCase() }
}

/** `model` and `auth` are the first. */
export function allTargets({ model, auth, targets = [] }: AiProxyConfig): AiProxyTarget[] {
  return [{ model, ...(auth && { auth }), weight: DEFAULT_WEIGHT }, ...targets]
}
