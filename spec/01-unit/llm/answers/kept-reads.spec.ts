import { describe, expect, it } from 'vitest'
import { PassthroughStream } from '../../../../lib/llm/answers/passthrough.js'
import { ChatWholeSink } from '../../../../lib/llm/formats/chat.js'
import { CompletionsWholeSink } from '../../../../lib/llm/formats/completions-whole.js'
import { Said } from '../../../../lib/llm/tokens/said.js'
import { PlainText } from '../../../../lib/llm/unfinished.js'
import { collectGarbage } from '../../../support/garbage-collection.js'

const STREAMS = 50
const READS = 12

function event(content: string): string {
  const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }]
  const chunk = {
    id: 'chatcmpl-7',
    object: 'chat.completion.chunk',
    created: 1700000000,
    model: 'm',
    choices,
  }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

/** With many events, whose texts are long enough to be slices of it. */
function read(): Buffer {
  return Buffer.from(Array.from({ length: 200 }, (_, i) => event(`some words ${i} more`)).join(''))
}

async function heapUsed(): Promise<number> {
  await collectGarbage()
  return process.memoryUsage().heapUsed
}

describe('what a stream that passes has said', () => {
  it.each([
    ['to be counted', () => ({ said: new Said('gpt-4o') })],
    ['to be taken up', () => ({ plain: new PlainText() })],
  ])('is kept %s, without the reads that it came in', async (_, keeping) => {
    const before = await heapUsed()
    const streams = Array.from({ length: STREAMS }, () => {
      const stream = new PassthroughStream('llm/v1/chat', { model: 'm', ...keeping() })
      for (let i = 0; i < READS; i++) {
        stream.push(read())
        stream.read()
      }
      return stream
    })
    const bytes = (await heapUsed()) - before
    expect(streams).toHaveLength(STREAMS)
    expect(bytes).toBeLessThan((STREAMS * READS * read().length) / 8)
  })
})

describe.each([
  ['a chat completion', ChatWholeSink],
  ['a completion', CompletionsWholeSink],
])('%s that is collected from a stream', (_, Sink) => {
  it('is kept without the reads that it came in', async () => {
    const sink = new Sink({ model: 'm' })
    const before = await heapUsed()
    for (let i = 0; i < STREAMS * READS; i++) {
      const text = read().toString('latin1')
      sink.texts(0, [text.slice(100, 120), text.slice(200, 220)])
    }
    const bytes = (await heapUsed()) - before
    expect(sink.isOver).toBe(false)
    expect(bytes).toBeLessThan((STREAMS * READS * read().length) / 8)
  })
})
