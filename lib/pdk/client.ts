import { accessAndLater, anyPhase, read, type Scope, unavailable } from './method.js'

/** `kong.client`: who sent the request. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.client/ */
export const client = {
  /** The peer of the connection. */
  getIp: read(anyPhase, ({ exchange }) => exchange.request.ip),
  /** What a trusted proxy says, else the peer. */
  getForwardedIp: read(anyPhase, ({ exchange }) => exchange.request.forwarded.ip),
  getPort: read(anyPhase, ({ exchange }) => exchange.request.remotePort),
  getForwardedPort: read(anyPhase, ({ exchange }) => exchange.request.forwarded.remotePort),
  /** undefined for an anonymous client. */
  getConsumer: read(accessAndLater, ({ exchange }) => exchange.consumer),
  getCredential: read(accessAndLater, ({ exchange }) => exchange.credential),
  /** The protocol that the Route matched; `allowTerminated` trusts the proxy that ended TLS. undefined without a Route. */
  getProtocol: read(accessAndLater, ({ exchange }: Scope, allowTerminated?: boolean): string | undefined => {
    if (exchange.route === undefined) return undefined
    const { protocols } = exchange.route
    if (Array.isArray(protocols) && protocols.length === 1) return String(protocols[0])
    const { scheme, forwarded } = exchange.request
    return scheme === 'https' || (allowTerminated === true && forwarded.scheme === 'https') ? 'https' : 'http'
  }),
  authenticate: unavailable(),
  authenticateConsumerGroupByConsumerId: unavailable(),
  getConsumerGroup: unavailable(),
  getConsumerGroups: unavailable(),
  loadConsumer: unavailable(),
  setAuthenticatedConsumerGroup: unavailable(),
  setAuthenticatedConsumerGroups: unavailable(),
  tls: {
    disableSessionReuse: unavailable(),
    getFullClientCertificateChain: unavailable(),
    requestClientCertificate: unavailable(),
    setClientVerify: unavailable(),
  },
}
