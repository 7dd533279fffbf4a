import { setTimeout as sleep } from 'node:timers/promises'
import { textOf } from './streams.js'
import { parseObject } from './json.js'
import { until } from './plugin-server.js'

/** How a request ended for its client. `broken`: the connection went away; `wrong`: none of what an answer may be. */
export type Ending = 'whole' | 'refused' | 'broken' | 'wrong'

export interface Told {
  /** What it said to the model; no two say the same. */
  readonly words: string
  /** What was going on when it began. */
  readonly era: string
  readonly status: number
  readonly ending: Ending
  /** What came of the body. */
  readonly body: string
}

/** Credentials that a client sends and that no provider may see. */
export const CLIENT_HEADERS = {
  authorization: 'Bearer of-the-client',
  'x-api-key': 'of-the-client',
  cookie: 'session=of-the-client',
}

/** Clients that ask again and again, until they are told to stop. */
export class Load {
  readonly told: Told[] = []
  readonly #clients: Promise<void>[]
  #stopped = false
  #serial = 0

  /** @param url of who is asked, at each request anew */
  constructor(
    private readonly url: () => string,
    clients: number,
    public era: string,
  ) {
    this.#clients = Array.from({ length: clients }, () => this.#client())
  }

  async reached(count: number, era = this.era): Promise<void> {
    await until(() => this.of(era).length >= count)
  }

  of(era: string): Told[] {
    return this.told.filter((one) => one.era === era)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const serial = this.#serial++
      const told = await asked(this.url(), `words ${serial}`, this.era, serial % 3 > 0)
      this.told.push(told)
      // Who is refused does not ask at full speed: the machine has other things to do then.
      if (told.ending !== 'whole') await sleep(10)
    }
  }
}

/** Asks, with credentials of its own, for an answer that says the words again. */
export async function asked(url: string, words: string, era: string, stream = true): Promise<Told> {
  let status = 0
  let body = ''
  const told = (ending: Ending): Told => ({ words, era, status, ending, body })
  try {
    const response = await fetch(`${url}/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...CLIENT_HEADERS },
      body: JSON.stringify({ messages: [{ role: 'user', content: words }], stream }),
    })
    status = response.status
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) body += piece
  } catch {
    return told('broken')
  }
  if (status !== 200) return told(isRefusal(body) ? 'refused' : 'wrong')
  return told((stream ? streamedText(body) : wholeText(body)) === words ? 'whole' : 'wrong')
}

/** Kong's own error, or one in OpenAI's shape. */
function isRefusal(body: string): boolean {
  const { message, error } = parseObject(body)
  return typeof message === 'string' || error !== undefined
}

/** @returns undefined where the stream is not complete */
function streamedText(body: string): string | undefined {
  const events = body.split('\n\n')
  if (events.pop() !== '' || events.pop() !== 'data: [DONE]') return undefined
  return events.map((event) => textOf(content(event.slice('data: '.length), 'delta'))).join('')
}

function wholeText(body: string): unknown {
  return content(body, 'message')
}

function content(json: string, part: 'delta' | 'message'): unknown {
  const { choices } = JSON.parse(json) as { choices?: Record<string, { content?: unknown }>[] }
  return choices?.[0]?.[part]?.content
}
