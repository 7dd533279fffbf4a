import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../../lib/llm/answer.js'
import { createAnswer, type AnswerOptions } from '../../../../lib/llm/answers/index.js'
import { driverOf } from '../../../../lib/llm/drivers/index.js'
import { ChatError } from '../../../../lib/llm/errors.js'
import { PlainText, type Identity } from '../../../../lib/llm/unfinished.js'
import { close, delta, finish, open, START, STOP } from '../../../support/anthropic-events.js'
import { object, objects } from '../../../support/json.js'
import { chunk, readAsClient, sse } from '../../../support/streams.js'

const CUT = ChatError.badUpstream('cut', 'answer_cut_off')
const TEXTS = ['Hé', 'llo', ' 你好', '\n"\\', ' 👋', '.']
const WHOLE = TEXTS.join('')

const STREAMS: Record<string, Buffer> = {
  openai: sse([
    chunk({ role: 'assistant', content: '' }),
    ...TEXTS.map((content) => chunk({ content })),
    chunk({}, 'stop'),
  ]),
  anthropic: sse(
    [
      START,
      open(0, { type: 'text', text: '' }),
      ...TEXTS.map((text) => delta(0, { type: 'text_delta', text })),
      close(0),
      finish('end_turn'),
      STOP,
    ],
    false,
  ),
}

function answer(provider: string, more: Partial<AnswerOptions> = {}): Answer {
  return createAnswer({
    driver: driverOf(provider, {})!,
    route: 'llm/v1/chat',
    native: provider === 'openai',
    stream: true,
    contentType: 'text/event-stream',
    model: 'asked',
    includeUsage: false,
    resumable: true,
    ...more,
  })
}

const IDENTITY: Identity = {
  id: 'chatcmpl-first',
  created: 1,
  model: 'first',
  systemFingerprint: undefined,
  serviceTier: undefined,
}

const textOf = (bytes: Buffer): string => {
  const [choice] = objects(readAsClient(bytes).whole.choices)
  const content = choice && object(choice.message).content
  return typeof content === 'string' ? content : ''
}

const bytesOf = (one: Answer) => one.read() ?? Buffer.alloc(0)

describe.each(Object.keys(STREAMS))('a stream of %s that fails', (provider) => {
  const stream = STREAMS[provider]!

  it('at any byte, knows what its client has of it, and says no more', () => {
    for (let at = 0; at < stream.length; at++) {
      const one = answer(provider)
      one.push(stream.subarray(0, at))
      one.fail(CUT)
      const told = bytesOf(one)
      if (one.state === 'done') continue
      expect(one.error).toBe(CUT)
      expect(told.toString()).not.toContain('"error"')
      const { text, identity } = one.unfinished ?? { text: WHOLE, identity: undefined }
      expect(textOf(told)).toBe(text)
      expect(WHOLE.startsWith(text)).toBe(true)
      expect(identity === undefined).toBe(told.length === 0 || one.unfinished === undefined)
    }
  })

  it('is gone on with under its id, without another role, and with the usage of both', () => {
    const one = answer(provider, {
      includeUsage: true,
      begun: {
        identity: IDENTITY,
        usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
        estimated: true,
      },
    })
    one.push(stream)
    one.end()
    const told = bytesOf(one)
    expect(textOf(told)).toBe(WHOLE)
    expect(told.toString()).not.toContain('"role"')
    const { chunks, whole, done } = readAsClient(told)
    expect(done).toBe(true)
    const { id, created, model } = IDENTITY
    for (const one of chunks) expect(one).toMatchObject({ id, created, model })
    const own = provider === 'anthropic' ? { prompt: 5, completion: 9 } : { prompt: 0, completion: 0 }
    expect(whole.usage).toMatchObject({
      prompt_tokens: 10 + own.prompt,
      completion_tokens: 20 + own.completion,
    })
    expect(one.facts).toMatchObject({ estimated: true, usage: whole.usage })
    expect(one.facts.ownUsage?.completion_tokens ?? 0).toBe(own.completion)
  })

  it('ends in the error event where it was not made to be taken up', () => {
    const one = answer(provider, { resumable: false })
    one.push(stream.subarray(0, stream.length - 60))
    one.fail(CUT)
    expect(bytesOf(one).toString()).toContain('"error":{"message":"cut"')
    expect(one.unfinished).toBeUndefined()
  })
})

describe('plain text', () => {
  it('is text of the first choice alone', () => {
    const other = new PlainText()
    other.add(0, 'a')
    other.add(1, 'b')
    expect(other.text).toBeUndefined()
  })

  it('is nothing once anything else was said', () => {
    const text = new PlainText()
    text.add(0, 'a')
    expect(text.text).toBe('a')
    text.end()
    text.add(0, 'b')
    expect(text.text).toBeUndefined()
  })

  it('is kept up to a bound', () => {
    const text = new PlainText()
    for (let i = 0; i < 1025; i++) text.add(0, 'x'.repeat(1024))
    expect(text.text).toBeUndefined()
  })
})
