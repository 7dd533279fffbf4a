import type { AttemptFailure, NextAttempt, UpstreamRequest } from './exchange.js'
import { expectInteger, expectType } from './lua.js'
import { beforeUpstream, filters, PdkError, unavailable, write } from './method.js'
import { serviceRequest } from './service-request.js'
import { serviceResponse } from './service-response.js'

const MAX_TIMEOUT = 2_147_483_646

/** `kong.service`: the upstream. https://docs.konghq.com/gateway/latest/plugin-development/pdk/kong.service/ */
export const service = {
  request: serviceRequest,
  response: serviceResponse,
  /** Sends the request to another host, whose name becomes its `Host`. */
  setTarget: write(beforeUpstream, ({ exchange: { upstream } }, host: string, port: number): void => {
    expectType(host, 'string', 'host')
    expectInteger(port, 0, 65_535, 'port')
    upstream.host = host
    upstream.port = port
    upstream.headers.host = host
  }),
  /** Milliseconds. The read time-out counts until the headers and between two reads of the body. Writing has no limit of its own. */
  setTimeouts: write(
    ['access'],
    ({ exchange: { upstream } }, connect: number, send: number, receive: number): void => {
      expectInteger(connect, 1, MAX_TIMEOUT, 'connect_timeout')
      expectInteger(send, 1, MAX_TIMEOUT, 'write_timeout')
      expectInteger(receive, 1, MAX_TIMEOUT, 'read_timeout')
      upstream.timeouts = { connect, headers: receive, idle: receive }
    },
  ),
  /** How often a request that found no connection is tried again. Takes the place of `setAttempts`. */
  setRetries: write(['access'], ({ exchange }, retries: number): void => {
    expectInteger(retries, 0, 32_767, 'retries')
    let left = retries
    const again: NextAttempt = ({ kind }) =>
      (kind === 'connect' || kind === 'tls') && left-- > 0 ? exchange.upstream : null
    exchange.attemptsAfterCommit = false
    exchange.nextAttempt = again
  }),
  /** Whether the upstream's certificate must be valid. Gives true. */
  setTlsVerify: write(beforeUpstream, ({ exchange: { upstream } }, on: boolean): true => {
    if (typeof on !== 'boolean') throw new PdkError('argument must be a boolean')
    upstream.tlsVerify = on
    return true
  }),
  setTlsVerifyDepth: unavailable(),
  setUpstream: unavailable(
    'there are no Upstream entities; see kong.service.setTarget and kong.service.setAttempts',
  ),
  setTargetRetryCallback: unavailable('see kong.service.setAttempts'),
  /**
   * Ours: replaces the whole upstream request. Nothing of the client's is sent that it does not name, and the Service's retries no
   * longer apply: see `setAttempts`.
   */
  setRequest: write(beforeUpstream, ({ exchange }, request: UpstreamRequest): void => {
    exchange.upstream = request
    exchange.nextAttempt = undefined
    exchange.attemptsAfterCommit = false
  }),
  /**
   * Ours: `next` gives the request of another attempt when one has failed before anything reached the client. With `afterCommit`
   * also later: what the next one answers goes out behind what the client has already, under the same status and headers.
   */
  setAttempts: write(
    beforeUpstream,
    ({ exchange }, next: NextAttempt, { afterCommit = false }: { afterCommit?: boolean } = {}): void => {
      if (typeof next !== 'function') throw new PdkError('next must be a function')
      exchange.nextAttempt = next
      exchange.attemptsAfterCommit = afterCommit
    },
  ),
  /** Ours: gives up the attempt under way, before its answer is committed unless attempts were set with `afterCommit`. */
  failAttempt: write(filters, ({ exchange }, failure: AttemptFailure): void => {
    if (exchange.response.committed && !exchange.attemptsAfterCommit) {
      throw new PdkError('headers have already been sent')
    }
    exchange.failAttempt(failure)
  }),
}
