import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from './faults.js'
import { AWS_EVENT_STREAM, type Framing, type MockFrame } from './framing.js'

export interface StreamPlan {
  framing: Framing
  frames: Iterable<MockFrame>
  /** Milliseconds between two frames. */
  pace: number
  fault: Fault | undefined
  /** The provider's error event. */
  overloaded: MockFrame
  onFrame(): void
}

const SLOWEST_PACE = 30
const GARBAGE: MockFrame = { data: '{"garbage": tru' }

/**
 * Writes a stream, with the fault that was asked for. A frame is made when the one before it is on its way: a slow
 * client holds the generator up, and one that went away ends it.
 */
export async function writeStream(response: ServerResponse, plan: StreamPlan): Promise<void> {
  const { framing, fault } = plan
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const send = sender(response, plan)
  const pace = fault?.name === 'slow' ? Math.max(plan.pace, SLOWEST_PACE) * 10 : plan.pace

  response.writeHead(200, { 'content-type': framing.contentType, 'cache-control': 'no-cache' })
  response.flushHeaders()
  await send(Buffer.from(framing.open))

  let sent = 0
  for (const frame of faulty(plan.frames, plan)) {
    if (frame === 'cut') return void response.destroy()
    if (frame === 'stall') return
    if (sent > 0 && pace > 0) await sleep(pace, undefined, { signal: gone.signal }).catch(() => {})
    await send(framing.encode(frame, sent === 0))
    if (gone.signal.aborted) return
    sent += 1
    plan.onFrame()
  }
  await send(Buffer.from(framing.close))
  response.end()
}

/** The frames as they are to go out, with the points at which the connection itself is to suffer. */
function* faulty(
  frames: Iterable<MockFrame>,
  { fault, overloaded }: StreamPlan,
): Generator<MockFrame | 'cut' | 'stall'> {
  let count = 0
  for (const frame of frames) {
    if (fault?.name === 'no-finish' && frame.closing) return
    if (fault?.after === count) {
      if (fault.name === 'cut' || fault.name === 'stall') yield fault.name
      if (fault.name === 'garbage') yield { ...frame, ...GARBAGE }
      if (fault.name === 'overloaded') {
        yield overloaded
        return
      }
    }
    yield frame
    count += 1
  }
}

/** Sends bytes; the promise is kept when they have left the process or never will. */
function sender(response: ServerResponse, { fault, framing }: StreamPlan): (bytes: Buffer) => Promise<void> {
  const write = (bytes: Buffer | string): Promise<void> =>
    new Promise((resolve) => {
      if (response.destroyed || bytes.length === 0) return resolve()
      response.once('close', resolve)
      response.write(bytes, () => {
        response.off('close', resolve)
        resolve()
      })
    })
  if (fault?.name === 'utf8split') {
    return async (bytes) => {
      for (const byte of bytes) await write(Buffer.from([byte]))
    }
  }
  if (fault?.name === 'crlf' && framing !== AWS_EVENT_STREAM) {
    // JSON has its line ends escaped: those here are the framing's.
    return (bytes) => write(bytes.toString().replaceAll(/\r?\n/g, '\r\n'))
  }
  return write
}
