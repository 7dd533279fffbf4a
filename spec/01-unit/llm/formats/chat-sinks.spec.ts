import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../../lib/llm/errors.js'
import { ChatStreamSink, ChatWholeSink } from '../../../../lib/llm/formats/chat.js'
import type { Sink } from '../../../../lib/llm/sink.js'
import { faultsOfChunk, faultsOfCompletion } from '../../../support/openai-schema.js'
import { parseObject } from '../../../support/json.js'
import { eventsOf, readAsClient } from '../../../support/streams.js'

type Script = (sink: Sink) => void

const META = { id: 'chatcmpl-7', model: 'm-1', created: 1700000000 }
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

function stream(script: Script, includeUsage = false) {
  const sink = new ChatStreamSink({ model: 'asked', includeUsage })
  script(sink)
  return readAsClient(Buffer.from(sink.take()))
}

function whole(script: Script) {
  const sink = new ChatWholeSink({ model: 'asked' })
  script(sink)
  return sink.body()
}

const rich: Script = (sink) => {
  sink.start({ ...META, systemFingerprint: 'fp', serviceTier: 'default' })
  sink.reasoning(0, 'Hm')
  sink.reasoning(0, 'm.')
  sink.text(0, 'Wait')
  sink.logprobs(0, [{ token: 'Wait', logprob: -0.1, bytes: null, top_logprobs: [] }])
  sink.text(0, '…')
  sink.toolStart(0, 0, 'call_a', 'add', { google: { thought_signature: 'sig' } })
  sink.toolArgs(0, 0, '{"a":')
  sink.toolStart(0, 1, 'call_b', 'sub')
  sink.toolArgs(0, 1, '{}')
  sink.toolArgs(0, 0, '1}')
  sink.extra(0, 'thinking_blocks', [{ type: 'thinking', thinking: 'Hmm.', signature: 's' }])
  sink.extra(0, 'thinking_blocks', [{ type: 'redacted_thinking', data: 'x' }])
  sink.refusal(1, 'No.')
  sink.usage({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 })
  sink.finish(0, 'tool_calls')
  sink.finish(1, 'stop')
  sink.usage(USAGE)
  sink.done()
}

describe('chat chunks', () => {
  it('add up to the same answer unstreamed', () => {
    expect(stream(rich, true).whole).toEqual(whole(rich))
  })

  it("are valid by OpenAI's schema, as is the whole", () => {
    const { chunks, done } = stream(rich, true)
    expect(done).toBe(true)
    for (const chunk of chunks) expect(faultsOfChunk(chunk)).toEqual([])
    expect(faultsOfCompletion(whole(rich))).toEqual([])
  })

  it('are the same in id, object, created and model throughout, also where the provider names none', () => {
    const { chunks } = stream((sink) => {
      sink.text(0, 'a')
      sink.text(0, 'b')
      sink.finish(0, 'stop')
      sink.done()
    }, true)
    const [first] = chunks
    expect(first).toMatchObject({ object: 'chat.completion.chunk', model: 'asked' })
    expect(first!.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/)
    for (const { id, object, created, model } of chunks) {
      expect({ id, object, created, model }).toEqual({
        id: first!.id,
        object: first!.object,
        created: first!.created,
        model: first!.model,
      })
    }
  })

  it('begin each choice with the role and nothing else', () => {
    const { chunks } = stream((sink) => {
      sink.start(META)
      sink.text(1, 'x')
      sink.finish(0, 'stop')
      sink.finish(1, 'stop')
      sink.done()
    })
    expect(chunks.slice(0, 2).map(({ choices }) => choices)).toEqual(
      [0, 1].map((index) => [
        { index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
      ]),
    )
  })

  it('carry usage in one last chunk without choices, null before, and only if it was asked for', () => {
    const asked = stream(rich, true).chunks
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: USAGE })
    for (const chunk of asked.slice(0, -1)) expect(chunk.usage).toBeNull()
    for (const chunk of stream(rich).chunks) expect(chunk).not.toHaveProperty('usage')
  })

  it('end in one error event and no [DONE] when the answer fails', () => {
    const view = stream((sink) => {
      sink.text(0, 'Hi')
      sink.error(new ChatError(429, 'slow down', { code: 'slow' }))
      sink.error(new ChatError(500, 'again'))
      sink.text(0, 'more')
      sink.done()
    })
    expect(view.done).toBe(false)
    expect(view.whole.choices).toMatchObject([{ message: { content: 'Hi' } }])
    expect(view.error).toEqual({ message: 'slow down', type: 'rate_limit_error', param: null, code: 'slow' })
  })

  it('end in an error when a choice has not finished', () => {
    const view = stream((sink) => {
      sink.text(0, 'a')
      sink.text(1, 'b')
      sink.finish(0, 'stop')
      sink.done()
    })
    expect(view.error).toMatchObject({ code: 'incomplete_answer' })
    expect(stream((sink) => sink.done()).error).toMatchObject({ code: 'incomplete_answer' })
  })

  it('say nothing after the end', () => {
    const sink = new ChatStreamSink({ model: 'm' })
    sink.finish(0, 'stop')
    sink.done()
    const ended = eventsOf(Buffer.from(sink.take()))
    expect(ended.filter((event) => event === '[DONE]')).toHaveLength(1)
    sink.done()
    sink.text(0, 'late')
    sink.error(new ChatError(500, 'late'))
    expect(sink.take()).toBe('')
    expect(sink.state).toBe('ended')
  })

  it('finish with tool_calls where the provider calls a tool and says stop', () => {
    const view = stream((sink) => {
      sink.toolStart(0, 0, 'c', 'f')
      sink.finish(0, 'stop')
      sink.finish(0, 'length')
      sink.done()
    })
    expect(view.whole.choices).toMatchObject([{ finish_reason: 'tool_calls' }])
  })

  it('say text, and no role, where they go on with the stream of another provider', () => {
    const identity = {
      id: 'c',
      created: 1,
      model: 'm',
      systemFingerprint: undefined,
      serviceTier: undefined,
    }
    const sink = new ChatStreamSink({ model: 'm', begun: { identity, usage: undefined, estimated: false } })
    sink.text(0, ' more')
    const choices = eventsOf(Buffer.from(sink.take())).map((event) => parseObject(event).choices)
    expect(choices).toEqual([
      [{ index: 0, delta: { content: ' more' }, logprobs: null, finish_reason: null }],
    ])
  })

  it('pass text over that is empty', () => {
    const sink = new ChatStreamSink({ model: 'm' })
    sink.start(META)
    sink.take()
    sink.text(0, '')
    sink.reasoning(0, '')
    sink.toolArgs(0, 0, '')
    expect(sink.take()).toBe('')
    expect(sink.delta).toBe(false)
  })

  it('carry any text unharmed: control characters, lone surrogates, what ends a line in JavaScript', () => {
    const units = fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 0xffff }),
        fc.constantFrom(0x0a, 0x0d, 0x22, 0x5c, 0x2028, 0xd83d, 0xde00),
      ),
    )
    fc.assert(
      fc.property(fc.array(units), units, (pieces, name) => {
        const texts = pieces.map((piece) => String.fromCharCode(...piece))
        const id = String.fromCharCode(...name)
        const sink = new ChatStreamSink({ model: id })
        sink.start({ id })
        for (const text of texts) {
          sink.text(0, text)
          sink.toolArgs(0, 0, text)
        }
        sink.finish(0, 'stop')
        sink.done()
        const written = sink.take()
        expect(written).not.toMatch(/\r|data: .*\n[^\n]/)
        const chunks = eventsOf(Buffer.from(written)).slice(0, -1)
        const said = texts.filter((text) => text !== '')
        const expected = said.flatMap((text) => [
          { content: text },
          { tool_calls: [{ index: 0, function: { arguments: text } }] },
        ])
        expect(chunks.slice(1, -1)).toEqual(
          expected.map((delta) =>
            JSON.stringify({
              ...JSON.parse(chunks[0]!),
              choices: [{ index: 0, delta, logprobs: null, finish_reason: null }],
            }),
          ),
        )
      }),
    )
  })
})

describe('a whole chat answer', () => {
  it('leaves the lists that it was given as they are', () => {
    const first = [{ n: 1 }]
    const body = whole((sink) => {
      sink.extra(0, 'citations', first)
      sink.extra(0, 'citations', [{ n: 2 }])
      sink.finish(0, 'stop')
      sink.done()
    })
    expect(body).toMatchObject({ choices: [{ message: { citations: [{ n: 1 }, { n: 2 }] } }] })
    expect(first).toEqual([{ n: 1 }])
  })

  it('has null content where it only calls tools or only refuses', () => {
    const body = whole((sink) => {
      sink.start(META)
      sink.toolStart(0, 0, 'c', 'f')
      sink.refusal(1, 'No.')
      sink.finish(0, 'tool_calls')
      sink.finish(1, 'stop')
      sink.done()
    })
    expect(body).toEqual({
      id: 'chatcmpl-7',
      object: 'chat.completion',
      created: 1700000000,
      model: 'm-1',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: null,
            refusal: null,
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '' } }],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
        {
          index: 1,
          message: { role: 'assistant', content: null, refusal: 'No.' },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
    })
  })

  it('has empty content where the model said nothing', () => {
    const body = whole((sink) => {
      sink.finish(0, 'length')
      sink.done()
    })
    expect(body.choices).toMatchObject([{ message: { content: '', refusal: null }, finish_reason: 'length' }])
  })
})
