import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../../../../lib/llm/frames/frame.js'
import { NdjsonReader } from '../../../../lib/llm/frames/ndjson.js'
import { byteByByte, type Cut, everyCut, seededCuts } from '../../../support/cuts.js'

const LINES = ['{"a":"été"}', '{"b":"日本語 😀"}', '{"c":"\\n in a string, \\u2028 too"}']
const FRAMES = LINES.map((data) => ({ event: '', data }))

describe('NDJSON', () => {
  it('makes each line a frame', () => {
    expect(read([Buffer.from(`${LINES.join('\n')}\n`)])).toEqual(FRAMES)
  })

  it('takes CRLF, blank lines, a byte order mark and a last line without its end', () => {
    expect(read([Buffer.from(`\uFEFF\r\n${LINES.join('\r\n\r\n  \n')}`)])).toEqual(FRAMES)
  })

  it('reads the same frames however the bytes were cut', () => {
    for (const ending of ['\n', '\r\n']) {
      const bytes = Buffer.from(LINES.join(ending))
      for (const cut of everyCut(bytes)) expect(read(cut)).toEqual(FRAMES)
      for (const cut of seededCuts(bytes, 7, 100)) expect(read(cut)).toEqual(FRAMES)
      expect(read(byteByByte(bytes))).toEqual(FRAMES)
    }
  })

  it('hands a line on in the call that brought its line feed', () => {
    const frames: Frame[] = []
    const reader = new NdjsonReader((frame) => frames.push(frame))
    reader.push(Buffer.from('{"a":1}'))
    expect(frames).toHaveLength(0)
    reader.push(Buffer.from('\n{"b"'))
    expect(frames).toEqual([{ event: '', data: '{"a":1}' }])
  })

  it('says that the answer ended inside a line', () => {
    expect(() => read([Buffer.from('{"a":1}\n{"b":')])).toThrow(
      expect.objectContaining({ code: 'frame_incomplete' }),
    )
  })

  it('refuses a line that never ends, in one piece or in many', () => {
    const endless = Buffer.from(`"${'x'.repeat(100)}"\n`)
    for (const cut of [[endless], byteByByte(endless)]) {
      expect(() => read(cut, 64)).toThrow(expect.objectContaining({ code: 'frame_too_large' }))
    }
  })

  it("reads Kong's recorded lines", () => {
    const folder = new URL(
      '../../../fixtures/kong/unit/streaming-chunk-formats/complete-json/',
      import.meta.url,
    )
    const expected = JSON.parse(readFileSync(new URL('expected-output.json', folder), 'utf8')) as {
      data: string
    }[]
    const frames = read([readFileSync(new URL('input.bin', folder))])
    expect(frames.map((frame) => frame.data)).toEqual(expected.map((event) => event.data))
  })
})

function read(cut: Cut, maxFrame?: number): Frame[] {
  const frames: Frame[] = []
  const reader = new NdjsonReader((frame) => frames.push(frame), maxFrame)
  for (const bytes of cut) reader.push(bytes)
  reader.end()
  return frames
}
