import type { FrameFormat, FrameHandler, FrameReader } from './frame.js'
import { SseReader } from './sse.js'

/** A reader of each wire format. */
export const frameReaders: Readonly<Partial<Record<FrameFormat, (handle: FrameHandler) => FrameReader>>> = {
  sse: (handle) => new SseReader(handle),
}
