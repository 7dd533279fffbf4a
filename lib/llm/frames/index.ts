import { AwsEventStreamReader } from './aws-event-stream.js'
import type { FrameFormat, FrameHandler, FrameReader } from './frame.js'
import { JsonArrayReader } from './json-array.js'
import { NdjsonReader } from './ndjson.js'
import { SseReader } from './sse.js'
import { SseRunReader } from './sse-run.js'
import type { TextRun } from './text-run.js'

/** A reader of each wire format. Where frames are alike, two of them know a shorter way, if there is a run to go it. */
export const frameReaders: Readonly<
  Record<FrameFormat, (handle: FrameHandler, run?: TextRun) => FrameReader>
> = {
  sse: (handle, run) => (run ? new SseRunReader(handle, run) : new SseReader(handle)),
  ndjson: (handle) => new NdjsonReader(handle),
  'json-array': (handle) => new JsonArrayReader(handle),
  'aws-event-stream': (handle, run) => new AwsEventStreamReader(handle, undefined, run),
}
