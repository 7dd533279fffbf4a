import type { StreamTranslator } from '../driver.js'
import type { AnswerReader } from './format.js'
import { onlyText } from './only-text.js'
import { readData } from './read-data.js'
import type { Frame } from '../frames/frame.js'
import type { Spoken } from '../frames/text-run.js'
import type { Sink } from '../sink.js'

/** Reads the events of a stream in one of OpenAI's formats into a sink. A body that ends without `[DONE]` may still be complete. */
export class ChunkTranslator implements StreamTranslator {
  unknownFrames = 0

  constructor(
    private readonly reader: AnswerReader,
    private readonly sink: Sink,
  ) {}

  frame({ data }: Frame): Spoken | void {
    const chunk = readData(data)
    if (chunk === 'done') this.sink.done()
    else if (chunk === 'unknown' || !this.reader.chunk(chunk)) this.unknownFrames++
    else return onlyText(chunk, this.sink)
  }

  end(): void {
    this.sink.done()
  }
}
