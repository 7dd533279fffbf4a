import type { Service } from './entities.js'

type ServiceAddress = Pick<Service, 'protocol' | 'host' | 'port' | 'path'>

/**
 * A Service's `url`, which stands for its protocol, host, port and path. What a Service has no field for (a user, a
 * query) is refused; no path stays no path.
 */
export function parseServiceUrl(url: string): ServiceAddress | { fault: string } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || parsed.hostname === '') {
    return { fault: 'expected a URL such as https://example.com:8443/path' }
  }
  const protocol = parsed.protocol.slice(0, -1)
  if (protocol !== 'http' && protocol !== 'https') {
    return { fault: `protocol '${protocol}' is not supported (expected one of: http, https)` }
  }
  if (parsed.username !== '' || parsed.password !== '' || /[?#]/.test(url)) {
    return { fault: 'must not have a user, a query or a fragment: they would not be sent' }
  }
  const hasPath = /^https?:\/\/[^/]+\//i.test(url)
  return {
    protocol,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? (protocol === 'https' ? 443 : 80) : Number(parsed.port),
    ...(hasPath && { path: parsed.pathname }),
  }
}
