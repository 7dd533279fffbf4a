import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../../lib/llm/errors.js'
import { formats } from '../../../../lib/llm/formats/index.js'
import type { JsonObject } from '../../../../lib/llm/json.js'
import type { Sink } from '../../../../lib/llm/sink.js'
import { faultsOfTextCompletion } from '../../../support/openai-schema.js'
import { object, objects, parseObject } from '../../../support/json.js'
import { RecordingSink } from '../../../support/recording-sink.js'
import { eventsOf, fixtureText, textOf } from '../../../support/streams.js'

const completions = formats['llm/v1/completions']
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

function stream(script: (sink: Sink) => void, includeUsage = false): (JsonObject | '[DONE]')[] {
  const sink = completions.stream({ model: 'asked', includeUsage })
  script(sink)
  return eventsOf(Buffer.from(sink.take())).map((event) => (event === '[DONE]' ? event : parseObject(event)))
}

function whole(script: (sink: Sink) => void): JsonObject {
  const sink = completions.whole({ model: 'asked' })
  script(sink)
  return sink.body()
}

function answer(sink: Sink): void {
  sink.start({ id: 'cmpl-1', model: 'm', created: 1700000000 })
  sink.text(0, 'Hello')
  sink.text(1, 'Hi')
  sink.logprobs(0, [
    { token: 'Hel', logprob: -1, bytes: null, top_logprobs: [{ token: 'Hel', logprob: -1, bytes: null }] },
    { token: 'lo', logprob: -2, bytes: null, top_logprobs: [] },
  ])
  sink.finish(0, 'stop')
  sink.finish(1, 'length')
  sink.usage(USAGE)
  sink.done()
}

function fault(body: JsonObject): ChatError {
  try {
    completions.decode(body)
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
  throw new Error('no fault')
}

describe('a completions request', () => {
  it('becomes one user message', () => {
    const body = { model: 'm', prompt: 'Say', max_tokens: 5, n: 2, stream: true, stop: null, store: true }
    expect(completions.decode(body)).toEqual({
      chat: {
        model: 'm',
        max_tokens: 5,
        n: 2,
        stream: true,
        store: true,
        messages: [{ role: 'user', content: 'Say' }],
      },
      dropped: [],
    })
    expect(completions.decode({ prompt: ['Say'] }).chat).toEqual({
      messages: [{ role: 'user', content: 'Say' }],
    })
  })

  it('asks for log probabilities as chat does', () => {
    expect(completions.decode({ prompt: 'a', logprobs: 3 }).chat).toMatchObject({
      logprobs: true,
      top_logprobs: 3,
    })
    expect(completions.decode({ prompt: 'a', logprobs: null }).chat).not.toHaveProperty('logprobs')
  })

  it('loses what chat cannot say, and tells', () => {
    expect(completions.decode({ prompt: 'a', echo: true, best_of: 2, suffix: '.' })).toEqual({
      chat: { messages: [{ role: 'user', content: 'a' }] },
      dropped: ['echo', 'best_of', 'suffix'],
    })
    expect(completions.decode({ prompt: 'a', echo: false, best_of: 1, suffix: null }).dropped).toEqual([])
  })

  it.each<[string, JsonObject]>([
    ['several prompts', { prompt: ['a', 'b'] }],
    ['tokens', { prompt: [1, 2] }],
    ['lists of tokens', { prompt: [[1], [2]] }],
  ])('is refused where the provider has no such API: %s', (_, body) => {
    expect(fault(body)).toMatchObject({ status: 400, param: 'prompt' })
    expect(() => completions.check(body)).not.toThrow()
  })

  it("is refused in Kong's words where it is none", () => {
    const bad = parseObject(fixtureText('kong/openai/llm-v1-completions/requests/bad_request.json'))
    expect(fault(bad).message).toBe("request body doesn't contain valid prompts")
    expect(fault({ messages: [{}] }).message).toBe(
      '[llm/v1/chat] message format is not compatible with [llm/v1/completions] route type',
    )
    expect(fault({ prompt: 'a', max_tokens: 'x' }).param).toBe('max_tokens')
  })
})

describe('a text completion', () => {
  it('adds up, streamed, to the same answer unstreamed', () => {
    const texts = ['', '']
    const reasons: unknown[] = []
    const events = stream(answer, true)
    expect(events.at(-1)).toBe('[DONE]')
    expect(events.at(-2)).toMatchObject({ choices: [], usage: USAGE, object: 'text_completion' })
    for (const event of events.slice(0, -2)) {
      for (const choice of objects(object(event).choices)) {
        texts[Number(choice.index)] += textOf(choice.text)
        reasons[Number(choice.index)] ??= choice.finish_reason ?? undefined
      }
    }
    const body = whole(answer)
    expect(objects(body.choices).map(({ text }) => text)).toEqual(texts)
    expect(objects(body.choices).map(({ finish_reason: reason }) => reason)).toEqual(reasons)
  })

  it("is valid by OpenAI's schema, but for the null of a choice that goes on", () => {
    expect(faultsOfTextCompletion(whole(answer))).toEqual([])
    for (const event of stream(answer).slice(0, -1)) {
      const faults = faultsOfTextCompletion(event).filter(
        (text) => !text.startsWith('/choices/0/finish_reason'),
      )
      expect(faults).toEqual([])
    }
  })

  it('lists log probabilities side by side, with the place of each token', () => {
    const logprobs = {
      tokens: ['Hel', 'lo'],
      token_logprobs: [-1, -2],
      top_logprobs: [{ Hel: -1 }, {}],
      text_offset: [0, 3],
    }
    expect(objects(whole(answer).choices)[0]!.logprobs).toEqual(logprobs)
    expect(
      stream(answer).flatMap((event) => (event === '[DONE]' ? [] : objects(event.choices))),
    ).toContainEqual({
      index: 0,
      text: '',
      logprobs,
      finish_reason: null,
    })
  })

  it('keeps what the format has no words for: reasoning and extras beside the text, a refusal as text', () => {
    const script = (sink: Sink) => {
      sink.reasoning(0, 'Hm.')
      sink.refusal(0, 'No.')
      sink.extra(0, 'citations', [{ url: 'u' }])
      sink.finish(0, 'tool_calls')
      sink.done()
    }
    expect(whole(script).choices).toEqual([
      {
        index: 0,
        text: 'No.',
        reasoning_content: 'Hm.',
        citations: [{ url: 'u' }],
        logprobs: null,
        finish_reason: 'stop',
      },
    ])
    const choices = stream(script).flatMap((event) => (event === '[DONE]' ? [] : objects(event.choices)))
    expect(
      choices.map(({ text, reasoning_content: reasoning, citations }) => [text, reasoning, citations]),
    ).toEqual([
      ['', 'Hm.', undefined],
      ['No.', undefined, undefined],
      ['', undefined, [{ url: 'u' }]],
      ['', undefined, undefined],
    ])
  })

  it('cannot call a tool', () => {
    const events = stream((sink) => {
      sink.toolStart(0, 0, 'c', 'f')
      sink.finish(0, 'tool_calls')
      sink.done()
    })
    expect(events).toMatchObject([{ error: { code: 'unexpected_tool_call' } }])
  })

  it("is read from a provider's own API, log probabilities and all", () => {
    const sink = new RecordingSink()
    completions.reader(sink).body(whole(answer))
    expect(sink.of('text')).toEqual([
      [0, 'Hello'],
      [1, 'Hi'],
    ])
    expect(sink.of('logprobs')[0]).toEqual([
      0,
      [
        {
          token: 'Hel',
          logprob: -1,
          bytes: null,
          top_logprobs: [{ token: 'Hel', logprob: -1, bytes: null }],
        },
        { token: 'lo', logprob: -2, bytes: null, top_logprobs: [] },
      ],
    ])
    expect(sink.of('finish')).toEqual([
      [0, 'stop'],
      [1, 'length'],
    ])
    expect(sink.of('usage')).toEqual([[USAGE]])
    expect(sink.of('done')).toHaveLength(1)
  })
})
