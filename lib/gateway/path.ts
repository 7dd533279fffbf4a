/** Makes a normalised path fit for a request line or a header: what normalising has decoded is encoded again. */
export function escapePath(path: string): string {
  if (!UNFIT.test(path)) return path
  return path.replace(ALL_UNFIT, (character) =>
    Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '%$&'),
  )
}

const UNFIT = /[^!#$&'()*+,/:;=?@[\]A-Za-z0-9\-_.~%]/
const ALL_UNFIT = new RegExp(UNFIT.source, 'gu')

/**
 * The path that the upstream is asked for, percent-encoded: Kong's `path_handling: v0`
 * (https://developer.konghq.com/gateway/entities/route/#path-behavior), which joins the Service's path and the rest of
 * the request's by exactly one slash.
 *
 * @param servicePath of the Service, if it has one
 * @param requestPath normalised
 * @param stripped the beginning of `requestPath` that does not go on: what the Route matched, if it has `strip_path`
 */
export function upstreamPath(
  servicePath: string | undefined,
  requestPath: string,
  stripped: string | undefined,
): string {
  const base = servicePath ?? '/'
  const bare = base.endsWith('/') ? base.slice(0, -1) : base
  const rest = requestPath.slice(stripped?.length ?? 0).replace(/^\.\.?(?:\/|$)/, '')
  if (requestPath === '/') return escapePath(base)
  if (rest === '') return escapePath(requestPath.endsWith('/') ? `${bare}/` : bare || '/')
  return escapePath(`${bare}${rest.startsWith('/') ? '' : '/'}${rest}`)
}
