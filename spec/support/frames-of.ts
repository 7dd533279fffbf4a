import type { Frame, FrameFormat } from '../../lib/llm/frames/frame.js'
import { frameReaders } from '../../lib/llm/frames/index.js'

const FORMATS: Record<string, FrameFormat> = {
  'text/event-stream': 'sse',
  'application/x-ndjson': 'ndjson',
  'application/json': 'json-array',
  'application/vnd.amazon.eventstream': 'aws-event-stream',
}

/** The frames of a stream, as its content type frames them. */
export async function framesOf(response: Response): Promise<Frame[]> {
  const frames: Frame[] = []
  const format = FORMATS[response.headers.get('content-type')?.split(';')[0] ?? '']
  const reader = frameReaders[format ?? 'sse']((frame) => frames.push({ ...frame }))
  for await (const bytes of response.body ?? []) reader.push(bytes)
  reader.end()
  return frames
}

/** Every value of one of the keys, in order, joined: enough to gather a text whatever the format around it. */
export function gather(value: unknown, keys: readonly string[]): string {
  if (typeof value !== 'object' || value === null) return ''
  return Object.entries(value)
    .map(([key, inner]) => (keys.includes(key) && typeof inner === 'string' ? inner : gather(inner, keys)))
    .join('')
}
