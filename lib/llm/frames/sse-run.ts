import { StringDecoder } from 'node:string_decoder'
import type { FrameHandler, FrameReader } from './frame.js'
import { SseReader } from './sse.js'
import type { TextRun } from './text-run.js'

const BLANK_LINES = ['\n\n', '\n\r\n'] as const

/**
 * Reads a stream whose events are nearly all alike: those of a run are skipped, framing and all; the others are parsed by
 * `SseReader`. An event that came in pieces is never skipped.
 *
 * A hot path, as every event of a translated stream comes by.
 */
export class SseRunReader implements FrameReader {
  private readonly decoder = new StringDecoder('utf8')
  private readonly parser: SseReader
  /** What was parsed so far ends with an event. */
  private between = true
  private blankLine: (typeof BLANK_LINES)[number] = '\n\n'

  constructor(
    handle: FrameHandler,
    private readonly run: TextRun,
  ) {
    this.parser = new SseReader(handle)
  }

  push(bytes: Uint8Array): void {
    const text = this.decoder.write(bytes)
    for (let at = 0; at < text.length;) {
      if (this.between) at = this.run.skip(text, at)
      if (at < text.length) at = this.parse(text, at)
    }
  }

  end(): void {
    this.parser.feed(this.decoder.end())
    this.parser.end()
  }

  /** To the end of the event, or as far as the text goes. */
  private parse(text: string, at: number): number {
    const begun = !this.between
    const end = this.endOfEvent(text, at)
    this.between = end !== -1
    const event = text.slice(at, this.between ? end : text.length)
    this.parser.feed(event)
    if (this.between) this.run.learn(begun ? '' : event)
    return at + event.length
  }

  private endOfEvent(text: string, at: number): number {
    const end = endOf(text, at, this.blankLine)
    if (end !== -1) return end
    this.blankLine = BLANK_LINES.find((blankLine) => text.includes(blankLine, at)) ?? this.blankLine
    return endOf(text, at, this.blankLine)
  }
}

function endOf(text: string, at: number, blankLine: string): number {
  const found = text.indexOf(blankLine, at)
  return found === -1 ? -1 : found + blankLine.length
}
