import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { FrameError, MAX_FRAME_BYTES, type FrameHandler, type FrameReader } from './frame.js'

const BOM = '\uFEFF'

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), by `eventsource-parser`. Comments,
 * `id:`, `retry:` and unknown fields are passed over; an event without data is none.
 *
 * Beyond the standard: an event whose closing blank line is missing when the body ends is handed on, since some
 * providers end that way. If it was cut short, its data is no JSON and the translator says so.
 */
export class SseReader implements FrameReader {
  /** Keeps what the network cut inside a character, which `Buffer.toString` would spoil. */
  private decoder: StringDecoder | undefined
  private readonly parser
  private first = true
  private endedInCr = false

  constructor(handle: FrameHandler, maxFrame = MAX_FRAME_BYTES) {
    this.parser = createParser({
      onEvent: ({ event, data }) => handle({ event: event ?? '', data }),
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') throw frameTooLarge(maxFrame)
      },
      maxBufferSize: maxFrame,
    })
  }

  push(bytes: Uint8Array): void {
    this.decoder ??= new StringDecoder('utf8')
    this.feed(this.decoder.write(bytes))
  }

  end(): void {
    this.feed(`${this.decoder?.end() ?? ''}\n\n`)
  }

  /** Takes what is decoded already. */
  feed(text: string): void {
    if (text === '') return
    let lines = text
    if (this.first) {
      this.first = false
      if (lines.startsWith(BOM)) lines = lines.slice(1)
    }
    // The parser holds a last CR back, to see whether an LF follows. We let the line end at once and skip that LF.
    if (this.endedInCr && lines.startsWith('\n')) lines = lines.slice(1)
    this.endedInCr = text.endsWith('\r')
    this.parser.feed(this.endedInCr ? `${lines}\n` : lines)
  }
}

function frameTooLarge(limit: number): FrameError {
  return new FrameError('frame_too_large', `an event of the stream is larger than ${limit} bytes`)
}
