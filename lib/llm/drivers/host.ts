import type { ModelOptions } from '../driver.js'
import { ChatError } from '../errors.js'

/**
 * A part of a host name from the config, which a template may have filled in with what a client sent: labels of a host
 * name and nothing else, so that it cannot name another host.
 *
 * @throws ChatError 500 that names the `field` of `model.options`
 */
export function hostLabels(value: unknown, field: string): string {
  if (typeof value === 'string' && /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(value)) return value
  throw new ChatError(500, `'model.options.${field}' must be set to a part of a host name`, { param: field })
}

/**
 * Where a server of the operator's own is.
 *
 * @throws ChatError 500 where the config does not say
 */
export function selfHosted({ upstream_url: url }: ModelOptions): string {
  if (url !== undefined && URL.canParse(url)) return new URL(url).origin
  throw new ChatError(500, "must set 'model.options.upstream_url' for self-hosted providers/models", {
    param: 'upstream_url',
  })
}
