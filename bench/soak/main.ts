import { parseArgs } from 'node:util'
import { startMock } from '../../lib/mock/server.js'
import { configOf, startGateway, type TestedGateway } from './child.js'
import { ask, type Ask, type Seen } from './client.js'
import type { Probe } from './gateway.js'
import { measureStreams } from './streams.js'

const USAGE = `usage: npm run soak -- [options]

  --seconds N   how long (default 120); a quarter of it is warm-up
  --clients N   requests at a time (default 24)
  --seed N      of the choice of providers, faults and aborts (default: random, printed)
  --idle N      idle streams whose memory is measured first (default 2000; 0: none)
  --slow N      slow readers, as well (default 200)
`

const MODELS = {
  openai: {},
  anthropic: { anthropic_version: '2023-06-01' },
  bedrock: { bedrock: { aws_region: 'us-east-1' } },
  cohere: {},
  gemini: {},
  huggingface: {},
  ollama: {},
  mistral: { mistral_format: 'openai' },
}
const FAULTS = ['cut', 'overloaded', 'garbage', 'no-finish', 'no-usage', 'utf8split', 'crlf'] as const
/** Faults after which an answer is whole all the same. */
const HARMLESS: ReadonlySet<string> = new Set(['no-usage', 'utf8split', 'crlf'])

/** How much more of a thing there may be at the end than after the warm-up, as a part of it and as a number. */
const ALLOWED = { heap: [0.1, 3 * 1024 * 1024], handles: [0.2, 20] } as const

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
  for (const kind of ['idle', 'slow'] as const) {
    const count = Number(values[kind])
    if (count === 0) continue
    const { heap, rss } = await measureStreams(kind, count)
    say(`${count} ${kind} streams: ${kib(heap)} of heap and ${kib(rss)} of resident memory each`)
  }
  return await soak(Number(values.seconds), Number(values.clients), Number(values.seed))
}

async function soak(seconds: number, clients: number, seed: number): Promise<number> {
  say(`${seconds} s, ${clients} clients, seed ${seed}`)
  const mock = await startMock({ pace: 0 })
  const gateway = await startGateway(configOf(mock.url, MODELS))
  const faults: string[] = []
  const tally = { answers: 0, failed: 0, left: 0 }
  const wholes = new Map<string, string>()
  for (const name of Object.keys(MODELS)) {
    const { text } = await ask({ url: `${gateway.url}/${name}`, model: 'some-model', stream: false })
    wholes.set(name, text)
  }
  const end = performance.now() + seconds * 1000
  const random = mulberry32(seed)
  const client = async (): Promise<void> => {
    while (performance.now() < end && faults.length < 20) {
      const name = pick(Object.keys(MODELS), random)
      const one = chosen(`${gateway.url}/${name}`, random)
      try {
        const seen = await ask(one)
        tally.answers++
        if (seen.failed) tally.failed++
        if (seen.left) tally.left++
        const fault = faultOf(one, seen, wholes.get(name)!)
        if (fault) faults.push(`${name} ${one.model} stream=${one.stream}: ${fault}`)
      } catch (error) {
        faults.push(`${name} ${one.model} stream=${one.stream}: ${String(error)}`)
      }
    }
  }
  const probes = sample(gateway, seconds)
  await Promise.all(Array.from({ length: clients }, client))
  faults.push(...leaksOf(await probes))
  await gateway.stop()
  await mock.close()
  say(`${tally.answers} answers, ${tally.failed} failed as they should, ${tally.left} left by their client`)
  for (const fault of faults) say(`FAULT: ${fault}`)
  return faults.length === 0 ? say('no leak, no lost or doubled frame, no unhandled rejection', 0) : 1
}

function chosen(url: string, random: () => number): Ask {
  const fault = random() < 0.4 ? `chaos/${pick(FAULTS, random)}@${Math.floor(random() * 8)}` : 'some-model'
  const stream = random() < 0.8
  return {
    url,
    model: fault,
    stream,
    ...(stream && random() < 0.15 && { leaveAfter: Math.floor(random() * 8) }),
  }
}

/** What is wrong with an answer: text that is not the beginning of the whole, or an end too many or too few. */
function faultOf(
  { model, stream }: Ask,
  { text, ends, failed, left }: Seen,
  whole: string,
): string | undefined {
  if (!whole.startsWith(text)) return `text lost or doubled: ${JSON.stringify(text)}`
  if (left) return ends > 1 ? `${ends} ends` : undefined
  if (ends !== 1) return `${ends} ends`
  const [, fault] = /^chaos\/(.*)@/.exec(model) ?? []
  const mayFail = stream && fault !== undefined && !HARMLESS.has(fault)
  if (failed && !mayFail) return 'failed'
  return !failed && text !== whole && fault !== 'garbage' ? `not whole: ${JSON.stringify(text)}` : undefined
}

/** Probes all along, the warm-up left out. */
async function sample(gateway: TestedGateway, seconds: number): Promise<Probe[]> {
  const probes: Probe[] = []
  const step = (seconds * 1000) / 24
  for (let i = 0; i < 23; i++) {
    await new Promise((resolve) => setTimeout(resolve, step))
    if (i >= 5) probes.push(await gateway.probe())
  }
  return probes
}

function leaksOf(probes: Probe[]): string[] {
  const third = Math.floor(probes.length / 3)
  const [early, late] = [probes.slice(0, third), probes.slice(-third)]
  const leaks = [...new Set(probes.at(-1)!.unhandled)].map((reason) => `unhandled rejection: ${reason}`)
  for (const what of ['heap', 'handles'] as const) {
    const [before, after] = [early, late].map((some) => median(some.map((probe) => probe[what])))
    const [part, number] = ALLOWED[what]
    const show = what === 'heap' ? mib : String
    say(`${what}: ${show(before!)} after the warm-up, ${show(after!)} at the end`)
    if (after! > before! * (1 + part) + number)
      leaks.push(`${what} grew from ${show(before!)} to ${show(after!)}`)
  }
  return leaks
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!
}

/** A small random generator; the same numbers from 0 to 1 for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`
const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`

function say(text: string, code = 0): number {
  process.stdout.write(`${text.trimEnd()}\n`)
  return code
}

process.exitCode = await main()
