/** One whole unit of the upstream's wire format. */
export interface Frame {
  /** SSE's `event:` field, AWS's `:event-type` or `:exception-type`; `''` where the format names none. */
  event: string
  /** The payload as text: JSON, except for SSE's `[DONE]`. */
  data: string
  /** Set on an AWS exception or error message. */
  exception?: boolean
}

export type FrameFormat = 'sse' | 'ndjson' | 'json-array' | 'aws-event-stream'

/** Cuts bytes into frames, whatever way the network cut them, and hands each on in the call that completed it. */
export interface FrameReader {
  /** @throws FrameError where the bytes cannot be framed; the reader is of no use afterwards. */
  push(bytes: Uint8Array): void
  /** The body has ended. @throws FrameError where it ended inside a frame. */
  end(): void
}

export type FrameHandler = (frame: Frame) => void

/** The bytes are not what their wire format says they are. */
export class FrameError extends Error {
  readonly code: 'frame_too_large' | 'frame_corrupt' | 'frame_incomplete'

  constructor(code: FrameError['code'], message: string) {
    super(message)
    this.name = 'FrameError'
    this.code = code
  }
}

/** What one frame may hold: room for an image in a data URL, an end to a line that never does. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
