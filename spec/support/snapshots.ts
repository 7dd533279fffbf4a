import { expect } from 'vitest'
import type { Snapshot } from '../../lib/runtime/live/live-rows.js'

/** The snapshots of `/streams`, one at a time. */
async function* snapshots(statusUrl: string): AsyncGenerator<Snapshot> {
  const watching = new AbortController()
  const response = await fetch(`${statusUrl}/streams`, { signal: watching.signal })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  let text = ''
  try {
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      const events = (text + bytes).split('\n\n')
      text = events.pop()!
      for (const event of events) yield JSON.parse(event.replace(/^data: /, '')) as Snapshot
    }
  } finally {
    watching.abort()
  }
}

/** The first snapshot of which something holds. */
export async function snapshotWhere(
  statusUrl: string,
  is: (snapshot: Snapshot) => boolean,
): Promise<Snapshot> {
  for await (const snapshot of snapshots(statusUrl)) if (is(snapshot)) return snapshot
  throw new Error('the events ended')
}
