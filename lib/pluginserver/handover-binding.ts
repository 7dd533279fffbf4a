import { isObject } from '../llm/json.js'
import type { Captures, Entity, UpstreamRequest } from '../pdk/exchange.js'
import { PdkError } from '../pdk/method.js'
import type { Binding } from '../runtime/exchange.js'

/** What a handed-over exchange knows of its request: what its plugins declared, and no more. */
export class HandoverBinding implements Binding {
  constructor(
    private readonly reads: ReadonlyMap<string, unknown>,
    readonly upstream: () => UpstreamRequest,
  ) {}

  get route(): Entity | undefined {
    return entity(this.#read('router.getRoute'))
  }

  get service(): Entity | undefined {
    return entity(this.#read('router.getService'))
  }

  get consumer(): Entity | undefined {
    return entity(this.#read('client.getConsumer'))
  }

  get credential(): Entity | undefined {
    return entity(this.#read('client.getCredential'))
  }

  get captures(): Captures {
    const value = this.#read('request.getUriCaptures')
    const { named, unnamed } = isObject(value) ? value : {}
    return {
      named: isObject(named) ? (named as Record<string, string>) : {},
      // Over RPC a map of positions; an empty one is an empty array.
      unnamed: isObject(unnamed) ? Object.values(unnamed).map(String) : [],
    }
  }

  #read(name: string): unknown {
    if (this.reads.has(name)) return this.reads.get(name)
    throw new PdkError(
      `kong.${name} is not known where the request was handed over to: let the plugin's module export HandoverReads with '${name}'`,
    )
  }
}

function entity(value: unknown): Entity | undefined {
  return isObject(value) ? value : undefined
}
