import { anyPhase, read, unavailable } from './method.js'

/** `kong.vault`: secrets by reference. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.vault/ */
export const vault = {
  /** Whether it is text of the form `{vault://...}`. */
  isReference: read(anyPhase, (_scope, reference: unknown): boolean => isReference(reference)),
  /** The secret; undefined if it is no reference or leads to nothing. */
  get: read(anyPhase, ({ plugin }, reference: string): string | undefined =>
    isReference(reference) ? plugin.host.secret(reference) : undefined,
  ),
  flush: unavailable(),
  initWorker: unavailable(),
  parseReference: unavailable(),
  update: unavailable(),
  warmup: unavailable(),
}

function isReference(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('{vault://') && value.endsWith('}')
}
