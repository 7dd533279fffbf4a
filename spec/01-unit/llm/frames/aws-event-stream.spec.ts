import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AwsEventStreamReader } from '../../../../lib/llm/frames/aws-event-stream.js'
import type { Frame } from '../../../../lib/llm/frames/frame.js'
import { TextRun } from '../../../../lib/llm/frames/text-run.js'
import {
  awsEvent,
  awsException,
  awsHeader,
  awsMessage,
  awsString,
} from '../../../support/aws-event-stream.js'
import { byteByByte, type Cut, everyCut, seededCuts } from '../../../support/cuts.js'

const FIXTURES = new URL('../../../fixtures/kong/', import.meta.url)

describe('AWS event stream', () => {
  it('names a frame after its event type', () => {
    expect(read([awsEvent('contentBlockDelta', { text: 'été 😀' })])).toEqual([
      { event: 'contentBlockDelta', data: '{"text":"été 😀"}' },
    ])
  })

  it('reads the same frames however the bytes were cut', () => {
    const bytes = Buffer.concat([
      awsEvent('messageStart', { role: 'assistant' }),
      awsMessage({}, ''),
      awsException('throttlingException', { message: 'slow down' }),
    ])
    const frames = read([bytes])
    expect(frames.map((frame) => frame.event)).toEqual(['messageStart', '', 'throttlingException'])
    for (const cut of everyCut(bytes)) expect(read(cut)).toEqual(frames)
    for (const cut of seededCuts(bytes, 11, 100)) expect(read(cut)).toEqual(frames)
    expect(read(byteByByte(bytes))).toEqual(frames)
  })

  it("decodes Kong's recorded stream under every cut", () => {
    const bytes = readFileSync(new URL('unit/streaming-chunk-formats/aws/input.bin', FIXTURES))
    const frames = read([bytes])
    expect(frames.map((frame) => frame.event)).toEqual([
      'messageStart',
      'contentBlockDelta',
      'contentBlockDelta',
      'contentBlockStop',
      'messageStop',
      'metadata',
    ])
    const expected = JSON.parse(
      readFileSync(new URL('unit/streaming-chunk-formats/aws/expected-output.json', FIXTURES), 'utf8'),
    ) as { data: string }[]
    expect(frames.map((frame) => frame.data)).toEqual(
      expected.map(({ data }) => (JSON.parse(data) as { body: string }).body),
    )
    for (const cut of everyCut(bytes)) expect(read(cut)).toEqual(frames)
  })

  it("decodes Kong's three recorded network buffers", () => {
    const buffers = [1, 2, 3].map((n) =>
      readFileSync(new URL(`embedded/streams/bedrock-chunk-${n}.bin`, FIXTURES)),
    )
    const frames = read(buffers)
    expect(frames.at(-1)?.event).toBe('metadata')
    expect(read([Buffer.concat(buffers)])).toEqual(frames)
  })

  it('hands a message on in the call that brought its last byte', () => {
    const frames: Frame[] = []
    const reader = new AwsEventStreamReader((frame) => frames.push(frame))
    const message = awsEvent('messageStop', {})
    reader.push(message.subarray(0, -1))
    expect(frames).toHaveLength(0)
    reader.push(message.subarray(-1))
    expect(frames).toHaveLength(1)
  })

  it('skips headers of every type that is not a string', () => {
    const others = [
      awsHeader('yes', 0, Buffer.alloc(0)),
      awsHeader('no', 1, Buffer.alloc(0)),
      awsHeader('byte', 2, Buffer.alloc(1, 0xff)),
      awsHeader('short', 3, Buffer.alloc(2, 0xff)),
      awsHeader('integer', 4, Buffer.alloc(4, 0xff)),
      awsHeader('long', 5, Buffer.alloc(8, 0xff)),
      awsHeader('bytes', 6, Buffer.from([0, 3, 1, 2, 3])),
      awsHeader('timestamp', 8, Buffer.alloc(8, 0xff)),
      awsHeader('uuid', 9, Buffer.alloc(16, 0xff)),
    ]
    expect(read([awsMessage({ ':message-type': 'event', ':event-type': 'e' }, '{}', others)])).toEqual([
      { event: 'e', data: '{}' },
    ])
  })

  it('marks exceptions, and errors in their form', () => {
    const error = awsMessage(
      { ':message-type': 'error', ':error-code': 'InternalError', ':error-message': 'oh été' },
      '',
    )
    expect(read([awsException('validationException', { message: 'no' }), error])).toEqual([
      { event: 'validationException', data: '{"message":"no"}', exception: true },
      { event: 'InternalError', data: '{"message":"oh été"}', exception: true },
    ])
  })

  it('skips a message of a run only where its headers are those of the run, and end where they did', () => {
    const [type, more] = [awsString(':event-type', 'delta'), awsString('x', 'y')]
    const learnt = awsMessage({}, '{"text":"a"}', [type, more])
    const alike = awsMessage({}, '{"text":"b"}', [type, more])
    const others = [
      awsMessage({}, '{"text":"c"}', [awsString(':event-type', 'other'), more]),
      awsMessage({}, `${more.toString('latin1')}{"text":"c"}`, [type]),
    ]
    for (const other of others) {
      const frames: Frame[] = []
      const said: string[] = []
      const run = new TextRun(true)
      const hear = (frame: Frame) => {
        frames.push(frame)
        run.hear({ text: frame.data.slice(9, 10), say: (text) => said.push(text) })
      }
      new AwsEventStreamReader(hear, undefined, run).push(Buffer.concat([learnt, alike, other]))
      expect(said).toEqual(['b'])
      expect(frames).toHaveLength(2)
    }
  })

  it('finds every byte that is not as it was sent', () => {
    const message = awsEvent('messageStop', { stopReason: 'end_turn' })
    for (let at = 0; at < message.length; at++) {
      const spoilt = Buffer.from(message)
      spoilt[at] = spoilt[at]! ^ 0x10
      expect(() => read([spoilt]), `byte ${at}`).toThrow(expect.objectContaining({ code: 'frame_corrupt' }))
    }
  })

  it.each([
    ['an unknown type', awsHeader('x', 10, Buffer.alloc(0))],
    ['a value longer than the headers', awsHeader('x', 6, Buffer.from([0xff, 0xff]))],
  ])('refuses a header of %s', (_, header) => {
    expect(() => read([awsMessage({}, '{}', [header])])).toThrow(
      expect.objectContaining({ code: 'frame_corrupt' }),
    )
  })

  it('refuses a message larger than a frame may be, before it gathers any of it', () => {
    const message = awsEvent('contentBlockDelta', { text: 'x'.repeat(100) })
    const reader = new AwsEventStreamReader(() => {}, 64)
    expect(() => reader.push(message.subarray(0, 12))).toThrow(
      expect.objectContaining({ code: 'frame_too_large' }),
    )
  })

  it('says that the answer ended inside a message', () => {
    const message = awsEvent('messageStop', {})
    for (const length of [1, 11, 12, message.length - 1]) {
      expect(() => read([message.subarray(0, length)])).toThrow(
        expect.objectContaining({ code: 'frame_incomplete' }),
      )
    }
  })
})

function read(cut: Cut, maxFrame?: number): Frame[] {
  const frames: Frame[] = []
  const reader = new AwsEventStreamReader((frame) => frames.push(frame), maxFrame)
  for (const bytes of cut) reader.push(bytes)
  reader.end()
  return frames
}
