import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../../../../lib/llm/frames/frame.js'
import { JsonArrayReader } from '../../../../lib/llm/frames/json-array.js'
import { byteByByte, type Cut, everyCut, seededCuts } from '../../../support/cuts.js'

describe('JSON array', () => {
  /** The cases of Kong's own array iterator, and some more. */
  it.each([
    ['flat numbers', '[1,2, -3.5e2]', ['1', '2', '-3.5e2']],
    ['words', '[true,false,null]', ['true', 'false', 'null']],
    ['strings', '["a","b, ]","c\\"]","\\\\"]', ['"a"', '"b, ]"', '"c\\"]"', '"\\\\"']],
    ['nested objects', '[{"a":{"b":[1]}},{"c":{}}]', ['{"a":{"b":[1]}}', '{"c":{}}']],
    ['nested arrays', '[[1,[2]],[]]', ['[1,[2]]', '[]']],
    ['white space', ' \r\n\t[ {"a" : 1}\n,\r\n{"b":2}\t] \n', ['{"a" : 1}', '{"b":2}']],
    ['brackets in strings', '[{"a":"]}[{"},{"b":"\\"}"}]', ['{"a":"]}[{"}', '{"b":"\\"}"}']],
    ['an empty array', '[ ]', []],
    ['characters of several bytes', '[{"é":"日本"},{"😀":"\\u00e9"}]', ['{"é":"日本"}', '{"😀":"\\u00e9"}']],
    ['a byte order mark', '\uFEFF[{"a":1}]', ['{"a":1}']],
    ['an object in place of the array', ' {"error":{"code":429}}\n', ['{"error":{"code":429}}']],
    ['whatever follows the array', '[{"a":1}]]}",{"b":2}', ['{"a":1}']],
  ])('reads %s, however the bytes were cut', (_, text, expected) => {
    const bytes = Buffer.from(text)
    expect(data([bytes])).toEqual(expected)
    for (const cut of everyCut(bytes)) expect(data(cut)).toEqual(expected)
    for (const cut of seededCuts(bytes, 3, 50)) expect(data(cut)).toEqual(expected)
    expect(data(byteByByte(bytes))).toEqual(expected)
  })

  it('hands an element on with its closing brace, before anything follows', () => {
    const frames: Frame[] = []
    const reader = new JsonArrayReader((frame) => frames.push(frame))
    reader.push(Buffer.from('[{"a":1}'))
    expect(frames).toEqual([{ event: '', data: '{"a":1}' }])
  })

  it.each([
    ['inside an element', '[{"a":1},{"b":'],
    ['inside a string', '["a'],
    ['inside a number', '[1'],
    ['between elements', '[{"a":1},'],
    ['inside an error body', '{"error":'],
  ])('says that the answer ended %s', (_, text) => {
    expect(() => data([Buffer.from(text)])).toThrow(expect.objectContaining({ code: 'frame_incomplete' }))
  })

  it('takes a body of nothing as no frames', () => {
    expect(data([Buffer.from(' \n')])).toEqual([])
  })

  it('refuses what is neither an array nor an object', () => {
    expect(() => data([Buffer.from('<html>')])).toThrow(expect.objectContaining({ code: 'frame_corrupt' }))
  })

  it('refuses an element that never ends, in one piece or in many', () => {
    const endless = Buffer.from(`[{"a":"${'x'.repeat(100)}"}]`)
    for (const cut of [[endless], byteByByte(endless)]) {
      expect(() => data(cut, 64)).toThrow(expect.objectContaining({ code: 'frame_too_large' }))
    }
  })

  describe("on Kong's recorded Gemini streams", () => {
    const folder = new URL('../../../fixtures/kong/unit/streaming-chunk-formats/', import.meta.url)
    const file = (name: string): Buffer => readFileSync(new URL(name, folder))

    it('reads the beginning', () => {
      const reader = collect()
      reader.push(file('partial-json-beginning/input.bin'))
      expect(reader.data).toEqual(expectedData('partial-json-beginning'))
    })

    it('reads the end, which was recorded without the opening bracket', () => {
      const bytes = Buffer.concat([Buffer.from('[{}'), file('partial-json-end/input.bin')])
      expect(data([bytes])).toEqual([
        '{}',
        ...expectedData('partial-json-end').filter((text) => text !== '[DONE]'),
      ])
    })

    it.each(['partial-json-split', 'partial-json-split-three-parts'])('reads %s', (name) => {
      const reader = collect()
      const parts = name === 'partial-json-split' ? [1, 2] : [1, 2, 3]
      for (const part of parts) reader.push(file(`${name}/input-${part}.bin`))
      const texts = reader.data.map((text) => textOf(JSON.parse(text) as GeminiElement))
      expect(texts.join('')).toBe(file(`${name}/expected-output.bin`).toString('utf8'))
    })

    function expectedData(name: string): string[] {
      const events = JSON.parse(file(`${name}/expected-output.json`).toString('utf8')) as { data: string }[]
      return events.map((event) => event.data)
    }
  })
})

interface GeminiElement {
  candidates: [{ content: { parts: [{ text: string }] } }]
}

function textOf(element: GeminiElement): string {
  return element.candidates[0].content.parts[0].text
}

function collect(maxFrame?: number): { push(bytes: Uint8Array): void; end(): void; data: string[] } {
  const data: string[] = []
  const reader = new JsonArrayReader((frame) => data.push(frame.data), maxFrame)
  return { push: (bytes) => reader.push(bytes), end: () => reader.end(), data }
}

function data(cut: Cut, maxFrame?: number): string[] {
  const reader = collect(maxFrame)
  for (const bytes of cut) reader.push(bytes)
  reader.end()
  return reader.data
}
