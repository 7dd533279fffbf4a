import { assert, constantFrom, nat, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextRun } from '../../../../lib/llm/frames/text-run.js'

const said: string[] = []

/** A run that has learnt the frame, which said `text`. */
function learnt(frame: string, text: string, inBytes = false): TextRun {
  const run = new TextRun(inBytes)
  run.hear({ text, say: (next) => said.push(next) })
  run.learn(frame)
  return run
}

/** What the run says of the frames, and what it leaves. */
function skipped(run: TextRun, frames: string): { said: string[]; rest: string } {
  said.length = 0
  const end = run.skip(frames, 0)
  return { said: [...said], rest: frames.slice(end) }
}

const frame = (text: string) => `data: {"delta":{"type":"text_delta","text":"${text}"}}\n\n`
const padded = (text: string, padding: string) => `{"delta":{"text":"${text}"},"p":"${padding}"}`

describe('a run of frames', () => {
  it('needs a frame that was learnt', () => {
    expect(skipped(new TextRun(), frame('two'))).toEqual({ said: [], rest: frame('two') })
  })

  it('is said as far as the frames are like it', () => {
    const rest = 'data: {"other":1}\n\n'
    const frames = frame('two') + frame('') + frame('three') + rest + frame('four')
    const run = learnt(frame('one'), 'one')
    expect(skipped(run, frames)).toEqual({ said: ['two', 'three'], rest: rest + frame('four') })
    expect(run.frames).toBe(3)
  })

  it('leaves a frame that is not whole', () => {
    const run = learnt(frame('one'), 'one')
    const whole = frame('two')
    for (let length = 0; length < whole.length; length++) {
      expect(skipped(run, whole.slice(0, length)).said).toEqual([])
    }
    expect(run.frames).toBe(0)
  })

  it('ends with a frame that was not learnt', () => {
    const run = learnt(frame('one'), 'one')
    run.hear(undefined)
    run.learn('data: {"type":"ping"}\n\n')
    expect(skipped(run, frame('two')).said).toEqual([])
  })

  it('says escapes as JSON means them', () => {
    const run = learnt(frame('one'), 'one')
    const text = 'a "b" \\ \n / \u0007 \u2028 \ud83c\udf89 é'
    const escaped = JSON.stringify(text).slice(1, -1).replace('/', '\\/').replace('é', '\\u00e9')
    expect(skipped(run, frame(escaped))).toEqual({ said: [text], rest: '' })
  })

  it.each(['\n', 'a\\x', 'a\\', '\\u12', 'a","text":"b', 'a"', '\u0000'])(
    'leaves what is no text: %j',
    (inside) => {
      const run = learnt(frame('one'), 'one')
      expect(skipped(run, frame(inside))).toEqual({ said: [], rest: frame(inside) })
    },
  )

  it('passes over padding, which nobody reads', () => {
    const run = learnt(padded('one', 'abc'), 'one')
    expect(skipped(run, padded('two', 'abcdefgh'))).toEqual({ said: ['two'], rest: '' })
    expect(skipped(run, padded('two', '')).said).toEqual(['two'])
    for (const padding of ['a\\n', 'a","q":"b', 'a\nb', 'a"'])
      expect(skipped(run, padded('two', padding)).said).toEqual([])
  })

  it('is given as bytes where they pass', () => {
    const bytes = (text: string) => Buffer.from(text).toString('latin1')
    const run = learnt(bytes(frame('été')), 'été', true)
    expect(skipped(run, bytes(frame('日本 🎉') + frame('\\u65e5 é\\n')))).toEqual({
      said: ['日本 🎉', '日 é\n'],
      rest: '',
    })
  })

  it('takes one frame between two places, and says it when asked to', () => {
    const run = learnt(frame('one'), 'one')
    const text = `--${frame('two')}--`
    said.length = 0
    expect(run.takes(text, 2, text.length - 2)).toBe(true)
    expect(run.takes(text, 2, text.length - 3)).toBe(false)
    expect(run.takes(text, 0, text.length)).toBe(false)
    expect(said).toEqual([])
    run.tell()
    run.tell()
    expect(said).toEqual(['two'])
  })

  it('says many texts in one go to who can take them', () => {
    const many: (readonly string[])[] = []
    const run = new TextRun()
    run.hear({ text: 'one', say: (next) => said.push(next), sayAll: (texts) => many.push(texts) })
    run.learn(frame('one'))
    expect(skipped(run, frame('two') + frame('') + frame('three')).said).toEqual([])
    expect(skipped(run, frame('four')).said).toEqual(['four'])
    expect(many).toEqual([['two', 'three']])
  })

  it.each([
    ['the text stands in it twice', '{"type":"one","text":"one"}'],
    ['the text is not in it as it is', '{"text":"\\u006fne"}'],
    ['anything is escaped', '{"text":"one","name":"\\n"}'],
  ])('is not learnt from a frame if %s', (_, learning) => {
    expect(skipped(learnt(learning, 'one'), learning).said).toEqual([])
  })

  it('is not learnt from two frames', () => {
    const run = new TextRun()
    const spoken = { text: 'one', say: (next: string) => said.push(next) }
    run.hear(spoken)
    run.hear(spoken)
    run.learn(frame('one'))
    expect(skipped(run, frame('two')).said).toEqual([])
  })

  it('is given up where no two frames are alike', () => {
    const run = new TextRun()
    const learn = (n: number) => {
      run.hear({ text: 'one', say: (next) => said.push(next) })
      run.learn(`{"at":${n},"text":"one"}`)
      return skipped(run, `{"at":${n},"text":"two"}`).said.length > 0
    }
    for (let n = 0; n < 20; n++) expect(learn(n)).toBe(true)
    for (let n = 0; n < 8; n++) {
      run.hear({ text: 'one', say: () => {} })
      run.learn(`{"at":${n},"text":"one"}`)
    }
    expect(learn(0)).toBe(false)
  })

  it('says what parsing says, whatever the characters', () => {
    const text = oneof(string({ unit: 'binary' }), constantFrom('"', '\\', '","finish":"stop', '{}'))
    const whole = (value: string, padding: string) =>
      JSON.stringify({ index: 0, delta: { content: value }, finish: null, obfuscation: padding })
    assert(
      property(text, string(), nat(100), (value, inserted, at) => {
        const run = learnt(whole('one', 'abc'), 'one')
        const data = whole(value, 'defg')
        const damaged = data.slice(0, at) + inserted + data.slice(at)
        const { said: texts, rest } = skipped(run, damaged)
        if (texts.length === 0) return
        const skippedData = damaged.slice(0, damaged.length - rest.length)
        const { obfuscation: _, ...parsed } = JSON.parse(skippedData) as Record<string, unknown>
        expect(parsed).toEqual({ index: 0, delta: { content: texts.join() }, finish: null })
      }),
      { numRuns: 1000 },
    )
  })
})
