import { parseJson } from '../json.js'
import { FrameError, type FrameHandler, type FrameReader } from './frame.js'
import { PartialFrame } from './partial-frame.js'

const LINE_FEED = 0x0a

/**
 * Newline-delimited JSON (https://github.com/ndjson/ndjson-spec): every line that is not blank is a frame. Lines end
 * in LF or CRLF; the last one may lack its end.
 *
 * A line feed never stands inside a UTF-8 sequence or a JSON string, so bytes are cut into lines before they are
 * decoded.
 */
export class NdjsonReader implements FrameReader {
  private readonly partial

  constructor(
    private readonly handle: FrameHandler,
    maxFrame?: number,
  ) {
    this.partial = new PartialFrame(maxFrame)
  }

  push(bytes: Uint8Array): void {
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      const text = this.partial.complete(bytes.subarray(start, end))
      start = end + 1
      this.line(text)
    }
    if (start < bytes.length) this.partial.append(bytes.subarray(start))
  }

  end(): void {
    const last = this.partial.complete(new Uint8Array())
    if (last.trim() !== '' && parseJson(last) === undefined) {
      throw new FrameError('frame_incomplete', 'the answer ended inside a line')
    }
    this.line(last)
  }

  private line(text: string): void {
    // `trim` takes the carriage return, and a byte order mark with it.
    const data = text.trim()
    if (data !== '') this.handle({ event: '', data })
  }
}
