import type { JsonObject } from '../llm/json.js'
import { encodeMessage } from './aws-event-stream.js'

/** One unit of a provider's stream. */
export interface MockFrame {
  /** SSE's `event:`, AWS's `:event-type` or `:exception-type`. */
  event?: string
  /** A string goes out as it is. */
  data: JsonObject | string
  exception?: boolean
  /** It belongs to the end of the answer: finish reason, usage, terminator. */
  closing?: boolean
}

/** A wire format of streams. */
export interface Framing {
  contentType: string
  /** Before the first frame and after the last one. */
  open: string
  close: string
  encode(frame: MockFrame, first: boolean): Buffer
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const SSE: Framing = {
  contentType: 'text/event-stream; charset=utf-8',
  open: '',
  close: '',
  encode(frame) {
    const event = frame.event === undefined ? '' : `event: ${frame.event}\n`
    return Buffer.from(`${event}data: ${payload(frame)}\n\n`)
  },
}

/** One JSON value a line: https://github.com/ndjson/ndjson-spec */
export const NDJSON: Framing = {
  contentType: 'application/x-ndjson',
  open: '',
  close: '',
  encode: (frame) => Buffer.from(`${payload(frame)}\n`),
}

/** One JSON array, an item a frame, set as Google sets it. */
export const JSON_ARRAY: Framing = {
  contentType: 'application/json; charset=UTF-8',
  open: '[',
  close: '\n]\n',
  encode: (frame, first) => Buffer.from(`${first ? '' : '\n,\r\n'}${payload(frame)}`),
}

/** https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html */
export const AWS_EVENT_STREAM: Framing = {
  contentType: 'application/vnd.amazon.eventstream',
  open: '',
  close: '',
  encode(frame) {
    const kind = frame.exception ? 'exception' : 'event'
    const headers = {
      [`:${kind}-type`]: frame.event ?? '',
      ':content-type': 'application/json',
      ':message-type': kind,
    }
    return encodeMessage(headers, Buffer.from(payload(frame)))
  },
}

function payload({ data }: MockFrame): string {
  return typeof data === 'string' ? data : JSON.stringify(data)
}
