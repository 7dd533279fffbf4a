import { createAnswer } from '../lib/llm/answers/index.js'
import { driverOf } from '../lib/llm/drivers/index.js'
import { formats } from '../lib/llm/formats/index.js'
import { frameReaders } from '../lib/llm/frames/index.js'
import type { FrameHandler } from '../lib/llm/frames/frame.js'
import { type Provider, recordings, word } from './answers.js'

/*
 * What a frame costs in process, without sockets: 200 tokens in one read, microseconds of CPU a frame. Each column does all
 * that the one before does.
 *
 * - framed: cut out of the bytes, decoded, handed on
 * - parsed: its JSON, too
 * - written: the long way, through the provider's translator into the client's events
 * - answer: all that `createAnswer` does, the short way of runs included
 */

const FRAMES = 200
const ROUNDS = 40
const ROUND_MS = 40
const OPTIONS = { anthropic_version: '2023-06-01', bedrock: { aws_region: 'us-east-1' } }
const ROUTE = 'llm/v1/chat'

function waysOf(provider: Provider): Record<string, () => void> {
  const { contentType, head, token, tail } = recordings[provider]
  const driver = driverOf(provider, OPTIONS)!
  const type = contentType.split(';', 1)[0]!
  const bytes = Buffer.concat([
    head,
    ...Array.from({ length: FRAMES }, (_, place) => token(word(place))),
    tail,
  ])
  const read = (handle: FrameHandler) => {
    const reader = frameReaders[driver.frames(type)!](handle)
    reader.push(bytes)
    reader.end()
  }
  return {
    framed: () => read(() => {}),
    parsed: () => read(({ data }) => data !== '[DONE]' && JSON.parse(data)),
    written: () => {
      const sink = formats[ROUTE].stream({ model: 'm' })
      const translator = driver.stream(sink)
      read((frame) => translator.frame(frame))
      translator.end()
      Buffer.from(sink.take())
    },
    answer: () => {
      const answer = createAnswer({
        driver,
        route: ROUTE,
        native: provider === 'openai',
        stream: true,
        contentType,
        model: 'm',
        includeUsage: false,
        prompt: () => ({ messages: [{ role: 'user', content: 'Hi' }] }),
      })
      answer.push(bytes)
      answer.end()
      answer.read()
      if (answer.state !== 'done') throw new Error(`${provider}: ${answer.error?.message}`)
    },
  }
}

/** Of several rounds the quickest: whatever else a machine does only adds to it. */
function quickest(way: () => void): number {
  return Math.min(...Array.from({ length: ROUNDS }, () => microseconds(way)))
}

function microseconds(way: () => void): number {
  const end = performance.now() + ROUND_MS
  const before = process.cpuUsage()
  let times = 0
  for (; performance.now() < end; times++) way()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times / FRAMES
}

const table = Object.keys(recordings).map((name) => {
  const ways = Object.entries(waysOf(name as Provider))
  return [name, Object.fromEntries(ways.map(([stage, way]) => [stage, Number(quickest(way).toFixed(2))]))]
})
console.table(Object.fromEntries(table))
