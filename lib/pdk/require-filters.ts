import type { Kong } from './kong.js'

const MESSAGE =
  'this plugin filters the response, which kong-js-pluginserver cannot do: serve it with "kong-ai plugin-server"'

/**
 * To be called first in `access` of a plugin with filters. kong-pdk's own server runs such a plugin too, but never its filters:
 * there the request is answered 500 with a message that says what to run, and never with an answer that nobody filtered.
 *
 * @returns false if the request has been answered; true at once
 */
export function requireFilters(kong: Kong): true | Promise<false> {
  // kong-pdk's bridge has a function under every name; only a host with filters has state to share between phases.
  return typeof kong.ctx.plugin === 'function' ? refuse(kong) : true
}

async function refuse(kong: Kong): Promise<false> {
  const error = { message: MESSAGE, type: 'server_error', param: null, code: 'filters_required' }
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  await kong.response.exit(500, JSON.stringify({ error }), headers)
  return false
}
