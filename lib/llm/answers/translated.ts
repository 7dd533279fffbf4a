import type { StreamSink, WholeSink } from '../formats/format.js'
import { utf8 } from '../utf8.js'
import type { Intake } from './intake.js'
import { type CountUsage, SinkAnswer } from './sink-answer.js'

/** An answer in another format, written as the client's stream: events leave in the call in which their frame came. */
export class TranslatedStream extends SinkAnswer<StreamSink> {
  constructor(sink: StreamSink, intake: Intake, count?: CountUsage) {
    super(sink, intake, 'delta', count)
  }

  protected output(): Buffer | undefined {
    const events = this.sink.take()
    return events === '' ? undefined : utf8(events)
  }
}

/** An answer in another format, written as one body once it is complete. */
export class TranslatedBody extends SinkAnswer<WholeSink> {
  private written = false

  constructor(sink: WholeSink, intake: Intake, count?: CountUsage) {
    super(sink, intake, 'end', count)
  }

  protected output(): Buffer | undefined {
    if (this.written) return undefined
    this.written = true
    return utf8(JSON.stringify(this.sink.body()))
  }
}
