import { AwsEventStreamReader } from './aws-event-stream.js'
import type { FrameFormat, FrameHandler, FrameReader } from './frame.js'
import { JsonArrayReader } from './json-array.js'
import { NdjsonReader } from './ndjson.js'
import { SseReader } from './sse.js'

/** A reader of each wire format. */
export const frameReaders: Readonly<Record<FrameFormat, (handle: FrameHandler) => FrameReader>> = {
  sse: (handle) => new SseReader(handle),
  ndjson: (handle) => new NdjsonReader(handle),
  'json-array': (handle) => new JsonArrayReader(handle),
  'aws-event-stream': (handle) => new AwsEventStreamReader(handle),
}
