import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { aiConfig } from './ai-gateway.js'
import { closing } from './closing.js'
import { JSON_TYPE, provider, type Provider, type ProviderTurn, SSE_TYPE } from './ai-provider.js'
import { close, delta, finish, open, START, STOP } from './anthropic-events.js'
import { KongDouble } from './kong-double.js'
import { type KongFront, listenAsKong } from './kong-double-http.js'
import { asked, type Told } from './load.js'
import { gate } from './origin.js'
import { until } from './plugin-server.js'

/** Anthropic, saying everything again word for word; streams whose words begin with `held` go on when they are released. */
export async function parrot() {
  const released = gate()
  const upstream = await provider(async (turn) => {
    const words = wordsOf(turn)
    if (turn.body.stream === true) return await sayInPieces(turn, words, released.promise)
    turn.head(200, JSON_TYPE)
    turn.response.end(JSON.stringify({ ...MESSAGE, content: [{ type: 'text', text: words }] }))
  })
  return { ...upstream, release: () => released.open() }
}

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  stop_reason: 'end_turn',
  usage: { input_tokens: 5, output_tokens: 9 },
}

async function sayInPieces(turn: ProviderTurn, words: string, released: Promise<void>): Promise<void> {
  turn.head(200, SSE_TYPE)
  turn.event(START)
  turn.event(open(0, { type: 'text', text: '' }))
  for (const text of words.split(/(?=\w\b)/)) {
    turn.event(delta(0, { type: 'text_delta', text }))
    if (words.startsWith('held')) await released
    else await sleep(2)
  }
  for (const event of [close(0), finish('end_turn'), STOP]) turn.event(event)
  turn.response.end()
}

function wordsOf({ body }: Pick<ProviderTurn, 'body'>): string {
  return (body.messages as { content: { text: string }[] }[])[0]!.content[0]!.text
}

/** A worker of Kong's with ai-proxy on its route, in front of a service that leads nowhere. */
export async function kongWorker(
  socket: string,
  { url }: Provider,
): Promise<KongFront & { double: KongDouble }> {
  const config = aiConfig(url, {
    auth: { header_name: 'x-api-key', header_value: 'sk-ant' },
    model: { provider: 'anthropic', name: 'claude-sonnet-4-5' },
  })
  const double = new KongDouble({ socket, plugin: 'ai-proxy', config })
  closing({ close: async () => double.close() })
  return { ...closing(await listenAsKong(double, { retries: 0 })), double }
}

/** Streams that the provider has begun and does not end before it releases them. */
export async function heldStreams(
  url: string,
  { requests }: Provider,
  count: number,
): Promise<Promise<Told>[]> {
  const held = Array.from({ length: count }, (_, i) => asked(url, `held back ${i}`, 'held'))
  await until(() => requests.filter(({ body }) => body.includes('held')).length === count)
  return held
}

/** Every request that the provider got is one of ours, with the key of the config, and came once. */
export function expectTranslated({ requests }: Provider): string[] {
  const seen = requests.map(({ url, headers, body }) => {
    const { 'x-api-key': key, authorization, cookie } = headers
    const sent = JSON.parse(body.toString()) as ProviderTurn['body']
    const { messages, stream: _, ...rest } = sent
    expect({ url, key, authorization, cookie, ticket: headers['x-relay-ticket'], rest }).toEqual({
      url: '/v1/messages',
      key: 'sk-ant',
      rest: { model: 'claude-sonnet-4-5', max_tokens: 4096 },
    })
    const words = wordsOf({ body: sent })
    expect(messages).toEqual([{ role: 'user', content: [{ type: 'text', text: words }] }])
    return words
  })
  expect(new Set(seen).size).toBe(seen.length)
  return seen
}

/** How requests ended: each way once. */
export const endings = (told: readonly Told[]) => [...new Set(told.map(({ ending }) => ending))].toSorted()
