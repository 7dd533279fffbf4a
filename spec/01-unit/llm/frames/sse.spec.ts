import { describe, expect, it } from 'vitest'
import { FrameError, type Frame } from '../../../../lib/llm/frames/frame.js'
import { SseCutter } from '../../../../lib/llm/frames/sse-cutter.js'
import { SseReader } from '../../../../lib/llm/frames/sse.js'
import { byteByByte, type Cut, everyCut, seededCuts, variants } from '../../../support/cuts.js'
import { fixtureText, recordedChunks, sse } from '../../../support/streams.js'

function framesOf(cut: Cut, maxFrame?: number): Frame[] {
  const frames: Frame[] = []
  const reader = new SseReader((frame) => frames.push(frame), maxFrame)
  for (const bytes of cut) reader.push(bytes)
  reader.end()
  return frames
}

function cutEvents(cut: Cut, maxFrame?: number): { raw: string; data: string | undefined }[] {
  const events: { raw: string; data: string | undefined }[] = []
  const cutter = new SseCutter((raw, data) => events.push({ raw: raw.toString(), data }), maxFrame)
  for (const bytes of cut) cutter.push(bytes)
  cutter.end()
  return events
}

function dataOf(cut: Cut): string[] {
  return cutEvents(cut).flatMap(({ data }) => data ?? [])
}

const SHORT = Buffer.from(
  'event: a\ndata: {"t":"日本 🎉"}\n\ndata: one\ndata: two\n\n: ping\n\ndata:\n\ndata: [DONE]\n\n',
)
const SHORT_FRAMES: Frame[] = [
  { event: 'a', data: '{"t":"日本 🎉"}' },
  { event: '', data: 'one\ntwo' },
  { event: '', data: '' },
  { event: '', data: '[DONE]' },
]

const STREAMS: Record<string, Buffer> = {
  'a recorded stream': sse(recordedChunks('recorded/openai/openai-text.chunks.txt')),
  'an Azure stream': sse(recordedChunks('recorded/openai/azure-model-router.1.chunks.txt')),
  "Kong's stream": Buffer.from(fixtureText('kong/embedded/streams/openai-chat-good.sse')),
}

describe('SSE', () => {
  for (const [name, bytes] of Object.entries(variants(SHORT))) {
    it(`gives the same frames for every cut in two: ${name}`, () => {
      for (const cut of everyCut(bytes)) expect(framesOf(cut)).toEqual(SHORT_FRAMES)
      expect(framesOf(byteByByte(bytes))).toEqual(SHORT_FRAMES)
      for (const cut of seededCuts(bytes, 1, 50)) expect(framesOf(cut)).toEqual(SHORT_FRAMES)
    })

    it(`cuts the same events for every cut in two: ${name}`, () => {
      const expected = SHORT_FRAMES.map(({ data }) => data)
      for (const cut of everyCut(bytes)) expect(dataOf(cut)).toEqual(expected)
      expect(dataOf(byteByByte(bytes))).toEqual(expected)
      for (const cut of seededCuts(bytes, 2, 50)) expect(dataOf(cut)).toEqual(expected)
    })
  }

  for (const [name, bytes] of Object.entries(STREAMS)) {
    it(`gives the same frames however ${name} is cut`, () => {
      const expected = framesOf([bytes])
      const data = expected.map((frame) => frame.data)
      expect(data.length).toBeGreaterThan(5)
      for (const cut of everyCut(bytes, 2000)) expect(dataOf(cut)).toEqual(data)
      for (const cut of seededCuts(bytes, 3, 30)) {
        expect(framesOf(cut)).toEqual(expected)
        expect(dataOf(cut)).toEqual(data)
      }
      for (const other of Object.values(variants(bytes))) {
        expect(framesOf(byteByByte(other))).toEqual(expected)
        for (const cut of seededCuts(other, 4, 10)) expect(dataOf(cut)).toEqual(data)
      }
    })
  }

  it('cuts the short stream in three in every way', () => {
    for (const [head, rest] of everyCut(SHORT)) {
      for (const cut of everyCut(rest!))
        expect(dataOf([head!, ...cut])).toEqual(SHORT_FRAMES.map(({ data }) => data))
    }
  })

  it('hands an event on in the call that completed it, also where lines end in CR', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const frames: Frame[] = []
      const reader = new SseReader((frame) => frames.push(frame))
      const events: string[] = []
      const cutter = new SseCutter((_, data) => events.push(data ?? ''))
      const bytes = Buffer.from(`data: x${end}${end}`)
      reader.push(bytes)
      cutter.push(bytes)
      expect(frames).toEqual([{ event: '', data: 'x' }])
      expect(events).toEqual(['x'])
    }
  })

  it('hands on a last event whose blank line is missing', () => {
    expect(framesOf([Buffer.from('data: 1\n\ndata: 2')])).toHaveLength(2)
    expect(framesOf([Buffer.from('data: 1\n\ndata: 2\r')])).toHaveLength(2)
    expect(cutEvents([Buffer.from('data: 1\n\ndata: 2')]).at(-1)).toEqual({ raw: 'data: 2\n\n', data: '2' })
    expect(cutEvents([Buffer.from('data: 1\n\ndata: 2\n')]).at(-1)).toEqual({ raw: 'data: 2\n\n', data: '2' })
  })

  it('gives no frame for half a field name', () => {
    expect(framesOf([Buffer.from('data: 1\n\ndat')])).toHaveLength(1)
  })

  it('refuses an event that never ends', () => {
    const endless = Array.from({ length: 20 }, () => Buffer.from('data: 0123456789\n'))
    expect(() => framesOf(endless, 100)).toThrow(FrameError)
    expect(() => cutEvents(endless, 100)).toThrow(FrameError)
    const line = Array.from({ length: 20 }, () => Buffer.from('0123456789'))
    expect(() => framesOf(line, 100)).toThrow(FrameError)
    expect(() => cutEvents(line, 100)).toThrow(FrameError)
  })
})

describe('the cutter', () => {
  it('hands on the bytes of each event, comments among them', () => {
    const raws = cutEvents([SHORT]).map(({ raw }) => raw)
    expect(raws.join('')).toBe(SHORT.toString())
    expect(raws).toContain(': ping\n\n')
    for (const cut of everyCut(SHORT)) expect(cutEvents(cut).map(({ raw }) => raw)).toEqual(raws)
  })

  it('does not copy an event that came in one read', () => {
    const seen: Buffer[] = []
    const cutter = new SseCutter((raw) => seen.push(raw))
    cutter.push(SHORT)
    expect(seen.length).toBeGreaterThan(0)
    for (const raw of seen) expect(raw.buffer).toBe(SHORT.buffer)
  })

  it('keeps an event that came in pieces, whatever comes after it', () => {
    const seen: Buffer[] = []
    const cutter = new SseCutter((raw) => seen.push(raw))
    for (const bytes of byteByByte(Buffer.from('data: 1\n\ndata: 2\n\n'))) cutter.push(bytes)
    expect(seen.map(String)).toEqual(['data: 1\n\n', 'data: 2\n\n'])
  })

  it('writes events with carriage returns anew, with line feeds', () => {
    const events = cutEvents([Buffer.from('event: a\r\ndata: 1\r\ndata: 2\r\n\r\n')])
    expect(events).toEqual([{ raw: 'event: a\ndata: 1\ndata: 2\n\n', data: '1\n2' }])
  })

  it('takes the byte order mark off', () => {
    for (const cut of everyCut(Buffer.from('\uFEFFdata: 1\n\n'))) {
      expect(cutEvents(cut)).toEqual([{ raw: 'data: 1\n\n', data: '1' }])
    }
  })
})
