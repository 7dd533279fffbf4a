import { mulberry32 } from '../../spec/support/cuts.js'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ask, type Ask, type Seen, sip } from './client.js'
import { type Flood, startFlood } from './flood.js'
import { type Routes, startGateway, startMockProvider, startRelay, type TestedHost } from './hosts.js'
import type { Probe } from './probe.js'
import { measureStreams } from './streams.js'

const USAGE = `usage: npm run soak -- [options]

  --seconds N   how long (default 120); a quarter of it is warm-up
  --clients N   requests at a time, half of them through the gateway and half through the relay (default 24)
  --seed N      of the choice of providers, faults and aborts (default: random, printed)
  --idle N      idle streams whose memory is measured first, in each host (default 2000; 0: none)
  --slow N      slow readers, as well (default 200)
`

/** A provider of each wire format and of each translation that has a state of its own. */
const PROVIDERS: Readonly<Record<string, object>> = {
  openai: {},
  anthropic: { anthropic_version: '2023-06-01' },
  bedrock: { bedrock: { aws_region: 'us-east-1' } },
  cohere: {},
  gemini: {},
  huggingface: {},
  ollama: {},
  mistral: { mistral_format: 'openai' },
}
/** Gemini's other framing, which the path asks for: streams alone, and the model is in it. */
const JSON_ARRAY = 'gemini-array'
const JSON_ARRAY_PATH = '/v1beta/models/some-model:streamGenerateContent?alt=json'
/** A provider faster than its reader, with events that pass untouched and with events that are written anew. */
const FLOODS = { 'flood-passing': 'openai', 'flood-translated': 'vllm' }
/** 24 MiB. */
const FLOOD_EVENTS = 1500
const BETWEEN_RELOADS = 2000

const FAULTS = ['cut', 'overloaded', 'garbage', 'no-finish', 'no-usage', 'utf8split', 'crlf'] as const
/** Faults after which an answer is whole all the same. */
const HARMLESS: ReadonlySet<string> = new Set(['no-usage', 'utf8split', 'crlf'])

/** How much more of a thing there may be at the end than after the warm-up, as a part of it and as a number. */
const ALLOWED = { heap: [0.1, 3 * 1024 * 1024], handles: [0.2, 20] } as const
const MAX_FAULTS = 20

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      clients: { type: 'string', default: '24' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      idle: { type: 'string', default: '2000' },
      slow: { type: 'string', default: '200' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) return say(USAGE, 0)
  for (const start of [startGateway, startRelay]) {
    for (const kind of ['idle', 'slow'] as const) {
      const count = Number(values[kind])
      if (count === 0) continue
      const { heap, rss } = await measureStreams(start, kind, count)
      const host = start === startGateway ? 'gateway' : 'relay'
      say(`${host}: ${count} ${kind} streams: ${kib(heap)} of heap and ${kib(rss)} of resident memory each`)
    }
  }
  return await soak(Number(values.seconds), Number(values.clients), Number(values.seed))
}

async function soak(seconds: number, clients: number, seed: number): Promise<number> {
  say(`${seconds} s, ${clients} clients, seed ${seed}`)
  const mock = await startMockProvider()
  const flood = await startFlood(FLOOD_EVENTS)
  const routes = routesTo(mock.url, flood)
  const hosts = [await startGateway(routes), await startRelay(routes)]
  const runs = hosts.map((host, place) => new Soak(host, seconds, mulberry32(seed + place)))
  await Promise.all(runs.map((run) => run.run(Math.ceil(clients / hosts.length))))
  flood.close()
  await mock.stop()
  const faults = runs.flatMap((run) => run.faults)
  for (const fault of faults) say(`FAULT: ${fault}`)
  if (faults.length > 0) return 1
  return say('no leak, no lost or doubled frame or log entry, no unhandled rejection', 0)
}

function routesTo(mock: string, flood: Flood): Routes {
  const providers = Object.entries(PROVIDERS).map(
    ([provider, options]) => [provider, { provider, upstream: mock, options }] as const,
  )
  const floods = Object.entries(FLOODS).map(
    ([name, provider]) => [name, { provider, upstream: flood.url }] as const,
  )
  const array = { provider: 'gemini', upstream: mock + JSON_ARRAY_PATH }
  return { ...Object.fromEntries([...providers, ...floods]), [JSON_ARRAY]: array }
}

/** One host under load. */
class Soak {
  readonly faults: string[] = []
  readonly #wholes = new Map<string, string>()
  readonly #tally = { answers: 0, failed: 0, left: 0, floods: 0, reloads: 0 }
  #end = 0

  constructor(
    private readonly host: TestedHost,
    private readonly seconds: number,
    private readonly random: () => number,
  ) {}

  async run(clients: number): Promise<void> {
    for (const name of [...Object.keys(PROVIDERS), JSON_ARRAY]) {
      const { text } = await this.#ask(name, { model: 'some-model', stream: name === JSON_ARRAY })
      this.#wholes.set(name, text)
    }
    this.#end = performance.now() + this.seconds * 1000
    const probes = this.#probes()
    await Promise.all([
      ...Array.from({ length: clients }, () => this.#until(() => this.#client())),
      ...Object.keys(FLOODS).map((name) => this.#until(() => this.#slowReader(name))),
      this.#until(() => this.#reload()),
    ])
    this.#leaks(await probes)
    const { answers, failed, left, floods, reloads } = this.#tally
    const entries = await this.host.stop()
    this.#say(`${answers} answers, ${failed} failed as they should, ${left} left by their client`)
    this.#say(`${floods} floods of 24 MiB read slowly, ${reloads} reloads`)
    if (entries !== answers + floods) this.#fault(`${entries} log entries of ${answers + floods}`)
  }

  async #until(step: () => Promise<void>): Promise<void> {
    while (performance.now() < this.#end && this.faults.length < MAX_FAULTS) await step()
  }

  async #ask(name: string, asked: Omit<Ask, 'url'>): Promise<Seen> {
    this.#tally.answers++
    return await ask({ url: `${this.host.url}/${name}`, ...asked })
  }

  async #client(): Promise<void> {
    const name = pick([...this.#wholes.keys()], this.random)
    const asked = name === JSON_ARRAY ? { model: 'some-model', stream: true } : chosen(this.random)
    try {
      const seen = await this.#ask(name, asked)
      if (seen.failed) this.#tally.failed++
      if (seen.left) this.#tally.left++
      const fault = faultOf(asked, seen, this.#wholes.get(name)!)
      if (fault) this.#fault(`${name} ${asked.model} stream=${asked.stream}: ${fault}`)
    } catch (error) {
      this.#fault(`${name} ${asked.model} stream=${asked.stream}: ${String(error)}`)
    }
  }

  async #slowReader(name: string): Promise<void> {
    this.#tally.floods++
    const fault = await sip(`${this.host.url}/${name}`, FLOOD_EVENTS).catch(String)
    if (fault !== undefined) this.#fault(`${name}: ${fault}`)
  }

  async #reload(): Promise<void> {
    await sleep(BETWEEN_RELOADS)
    this.#tally.reloads++
    this.host.reload()
  }

  /** Probes all along, the warm-up left out. */
  async #probes(): Promise<Probe[]> {
    const probes: Probe[] = []
    for (let i = 0; i < 23; i++) {
      await sleep((this.seconds * 1000) / 24)
      if (i >= 5) probes.push(await this.host.probe())
    }
    return probes
  }

  #leaks(probes: Probe[]): void {
    for (const reason of new Set(probes.at(-1)!.unhandled)) this.#fault(`unhandled rejection: ${reason}`)
    for (const what of ['heap', 'handles'] as const) {
      const values = probes.map((probe) => probe[what])
      const [part, number] = ALLOWED[what]
      const show = what === 'heap' ? mib : (count: number) => count.toFixed(1)
      const [usual, slope] = [median(values), slopeOf(values)]
      const growth = slope * (values.length - 1)
      this.#say(`${what}: ${show(usual)}, growth after the warm-up ${show(growth)}`)
      if (growth > usual * part + number) this.#fault(`${what} grew by ${show(growth)}`)
    }
  }

  #fault(text: string): void {
    this.faults.push(`${this.host.name}: ${text}`)
  }

  #say(text: string): void {
    say(`${this.host.name}: ${text}`)
  }
}

function chosen(random: () => number): Omit<Ask, 'url'> {
  const model = random() < 0.4 ? `chaos/${pick(FAULTS, random)}@${Math.floor(random() * 8)}` : 'some-model'
  const stream = random() < 0.8
  return { model, stream, ...(stream && random() < 0.15 && { leaveAfter: Math.floor(random() * 8) }) }
}

/** What is wrong with an answer: text that is not the beginning of the whole, or an end too many or too few. */
function faultOf(
  { model, stream }: Omit<Ask, 'url'>,
  { text, ends, failed, error, left }: Seen,
  whole: string,
): string | undefined {
  if (!whole.startsWith(text)) return `text lost or doubled: ${JSON.stringify(text)}`
  if (left) return ends > 1 ? `${ends} ends` : undefined
  if (ends !== 1) return `${ends} ends`
  const [, fault] = /^chaos\/(.*)@/.exec(model) ?? []
  const mayFail = stream && fault !== undefined && !HARMLESS.has(fault)
  if (failed && !mayFail) return `failed: ${error}`
  return !failed && text !== whole && fault !== 'garbage' ? `not whole: ${JSON.stringify(text)}` : undefined
}

/** The growth from one value to the next: the median of what each two of them say (Theil and Sen), so that a peak says little. */
function slopeOf(values: readonly number[]): number {
  return median(
    values.flatMap((from, i) => values.slice(i + 1).map((to, distance) => (to - from) / (distance + 1))),
  )
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!
}

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`
const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`

function say(text: string, code = 0): number {
  process.stdout.write(`${text.trimEnd()}\n`)
  return code
}

process.exitCode = await main()
