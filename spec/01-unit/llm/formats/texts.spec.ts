import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AnswerSink, SinkOptions } from '../../../../lib/llm/formats/answer-sink.js'
import { ChatStreamSink, ChatWholeSink } from '../../../../lib/llm/formats/chat.js'
import { CompletionsStreamSink } from '../../../../lib/llm/formats/completions-stream.js'
import { CompletionsWholeSink } from '../../../../lib/llm/formats/completions-whole.js'
import { WatchSink } from '../../../../lib/llm/formats/watch-sink.js'
import { tokenModel } from '../../../../lib/llm/tokens/models.js'
import { Said } from '../../../../lib/llm/tokens/said.js'
import { PlainText } from '../../../../lib/llm/unfinished.js'

const META = { id: 'chatcmpl-7', model: 'm-1', created: 1700000000 }

interface Kept {
  said: Said
  plain: PlainText
}

/** @param writtenBy what the sink has made of the texts */
function making<S extends AnswerSink>(
  Sink: new (options: SinkOptions) => S,
  writtenBy: (sink: S) => unknown,
) {
  return (kept: Kept) => {
    const sink = new Sink({ model: 'asked', ...kept })
    return { sink, written: () => writtenBy(sink) }
  }
}

const SINKS: Record<string, (kept: Kept) => { sink: AnswerSink; written: () => unknown }> = {
  'a chat stream': making(ChatStreamSink, (sink) => sink.take()),
  'a whole chat completion': making(ChatWholeSink, (sink) => sink.body()),
  'a completions stream': making(CompletionsStreamSink, (sink) => sink.take()),
  'a whole completion': making(CompletionsWholeSink, (sink) => sink.body()),
  'no format at all': making(WatchSink, () => ''),
}

const half = fc.constantFrom('\ud83c', '\udf89')
const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.constantFrom('"', '\\', '\n', 'é'),
  half,
)
/** In each step a choice says some texts. */
const steps = fc.array(fc.tuple(fc.nat(1), fc.array(text, { minLength: 1 })))

describe.each(Object.entries(SINKS))('texts in a row, told to %s,', (_, make) => {
  it('are the same as each on its own', () => {
    function all(
      say: (sink: AnswerSink, choice: number, texts: string[]) => void,
      from: [number, string[]][],
    ) {
      const kept = { said: new Said('gpt-4o'), plain: new PlainText() }
      const { sink, written } = make(kept)
      sink.start(META)
      for (const [choice, texts] of from) say(sink, choice, texts)
      const { texts } = kept.said.tally(tokenModel('gpt-4o'), false, false)
      // Half of a character counts as what stands for it.
      const counted = texts.map((one) => Buffer.from(one).toString())
      return [written(), sink.delta, sink.events, sink.saidChars, kept.plain.text, counted]
    }
    fc.assert(
      fc.property(steps, (from) => {
        const together = all((sink, choice, texts) => sink.texts(choice, texts), from)
        const alone = all((sink, choice, texts) => {
          for (const one of texts) sink.text(choice, one)
        }, from)
        expect(together).toEqual(alone)
      }),
    )
  })
})
