import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Agent } from 'undici'
import { isPublicAddress } from './public-address.js'

const MAX_BYTES = 10 * 1024 * 1024
const TIME_LIMIT = 10_000

/** Why a URL of a client's was not fetched, in words that tell nothing of the network behind the gateway. */
export class PublicFetchError extends Error {
  override readonly name = 'PublicFetchError'
}

export interface Fetched {
  /** The content type, without parameters. */
  type: string
  bytes: Buffer
}

export interface FetchLimits {
  maxBytes?: number
  /** Milliseconds, for all of it. */
  timeLimit?: number
}

/**
 * Fetches what anybody could: by http or https, from a public address, without a credential. The name is resolved once, each of
 * its addresses has to be public, and the connection goes to one of those, so that no second answer of the name server's
 * can lead elsewhere. No redirect is followed, no proxy asked.
 *
 * https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
 *
 * @param type what the content type has to begin with
 * @throws PublicFetchError
 */
export async function fetchPublic(
  text: string,
  type: string,
  signal: AbortSignal,
  { maxBytes = MAX_BYTES, timeLimit = TIME_LIMIT }: FetchLimits = {},
): Promise<Fetched> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new PublicFetchError('no http(s) URL')
  if (url.username !== '' || url.password !== '') throw new PublicFetchError('a URL with a password')
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeLimit)])
  let agent: Agent | undefined
  try {
    const addresses = await abortable(resolveHost(hostOf(url)), inTime)
    if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address))) {
      throw new PublicFetchError('its host is not public')
    }
    agent = await pinned(addresses)
    return await get(url, type, maxBytes, agent, inTime)
  } catch (error) {
    if (error instanceof PublicFetchError) throw error
    throw new PublicFetchError(inTime.aborted ? 'it took too long' : 'no answer')
  } finally {
    void agent?.destroy()
  }
}

/** An address literal stands for itself; of an IPv6 one the brackets are not part. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

async function resolveHost(host: string): Promise<LookupAddress[]> {
  const family = isIP(host)
  return family === 0 ? await lookup(host, { all: true }) : [{ address: host, family }]
}

/** Connects to the given addresses, whatever name is asked for. */
async function pinned(addresses: LookupAddress[]): Promise<Agent> {
  // Loaded with the first URL: a start does not wait for it.
  const { Agent } = await import('undici')
  return new Agent({
    connect: {
      lookup: (_host, { all }, done) => {
        if (all) done(null, addresses)
        else done(null, addresses[0]!.address, addresses[0]!.family)
      },
    },
  })
}

async function get(
  url: URL,
  type: string,
  maxBytes: number,
  dispatcher: Agent,
  signal: AbortSignal,
): Promise<Fetched> {
  const { request } = await import('undici')
  const headers = { accept: `${type}*`, 'accept-encoding': 'identity' }
  const { statusCode, headers: answered, body } = await request(url, { dispatcher, signal, headers })
  // A body that is not read to its end is ended with its connection.
  body.on('error', () => {})
  if (statusCode !== 200) throw new PublicFetchError(`status ${statusCode}`)
  const contentType = [answered['content-type'] ?? ''].flat()[0]!.split(';', 1)[0]!.trim().toLowerCase()
  if (!contentType.startsWith(type) || !/^[\w.+/-]+$/.test(contentType)) {
    throw new PublicFetchError(`its content type is not ${type}*`)
  }
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > maxBytes) throw new PublicFetchError(`more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  return { type: contentType, bytes: Buffer.concat(pieces) }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
  })
  return await Promise.race([promise, aborted])
}
