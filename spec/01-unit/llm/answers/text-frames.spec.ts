import { assert, constantFrom, nat, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextFrames } from '../../../../lib/llm/answers/text-frames.js'
import type { JsonObject } from '../../../../lib/llm/json.js'

function chunkOf(content: string, more: JsonObject = {}, choice: JsonObject = {}): JsonObject {
  const only = { index: 0, delta: { content }, logprobs: null, finish_reason: null, ...choice }
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [only], usage: null, ...more }
}

function learnt(chunk: JsonObject): TextFrames {
  const frames = new TextFrames()
  frames.learn(JSON.stringify(chunk), chunk)
  return frames
}

const read = (frames: TextFrames, chunk: JsonObject) => frames.read(JSON.stringify(chunk))

describe('frames that differ in their text alone', () => {
  it('are known once one of them was parsed', () => {
    expect(read(new TextFrames(), chunkOf('one'))).toBeUndefined()
    expect(read(learnt(chunkOf('one')), chunkOf(' two'))).toBe(' two')
  })

  it('are known though OpenAI pads them', () => {
    const frames = learnt(chunkOf('one', { obfuscation: 'aB3' }))
    expect(read(frames, chunkOf(' two', { obfuscation: 'q7Xv2LmN' }))).toBe(' two')
    expect(read(frames, chunkOf(' two', { obfuscation: 'q"7' }))).toBeUndefined()
    expect(read(frames, chunkOf(' two', { obfuscation: 'q', usage: { prompt_tokens: 1 } }))).toBeUndefined()
  })

  it('are known with the blanks that Python writes', () => {
    const frames = new TextFrames()
    const data = (text: string) => `{"choices": [{"index": 1, "delta": {"content": "${text}"}}]}`
    frames.learn(data('one'), JSON.parse(data('one')) as JsonObject)
    expect(frames.read(data('two'))).toBe('two')
    expect(frames.choice).toBe(1)
  })

  it.each<[string, JsonObject]>([
    ['a finish', chunkOf('x', {}, { finish_reason: 'stop' })],
    ['usage', chunkOf('x', { usage: { prompt_tokens: 1, completion_tokens: 1 } })],
    ['an error', chunkOf('x', { error: { message: 'overloaded' } })],
    ['another choice', chunkOf('x', {}, { index: 1 })],
    ['reasoning', chunkOf('x', {}, { delta: { content: 'x', reasoning_content: 'so' } })],
    ['log probabilities', chunkOf('x', {}, { logprobs: { content: [] } })],
    ['an escape', chunkOf('a\nb')],
  ])('are not those with %s', (_, chunk) => {
    expect(read(learnt(chunkOf('one')), chunk)).toBeUndefined()
    expect(read(learnt(chunk), chunkOf('one'))).toBeUndefined()
  })

  it('are not those whose text is no JSON', () => {
    const frames = learnt(chunkOf('one'))
    expect(frames.read(JSON.stringify(chunkOf('#')).replace('#', '\n'))).toBeUndefined()
  })

  it('say what parsing them says, whatever the bytes', () => {
    const text = oneof(string({ unit: 'binary' }), constantFrom('"', '\\', '","finish_reason":"stop', '{}'))
    assert(
      property(text, text, string(), nat(400), (first, second, inserted, at) => {
        const frames = learnt(chunkOf(first, { obfuscation: 'abc' }))
        const whole = JSON.stringify(chunkOf(second, { obfuscation: 'defg' }))
        const data = whole.slice(0, at) + inserted + whole.slice(at)
        const said = frames.read(data)
        if (said === undefined) return
        const { obfuscation: _, ...parsed } = JSON.parse(data) as JsonObject
        expect(parsed).toEqual(chunkOf(said))
      }),
      { numRuns: 1000 },
    )
  })
})
