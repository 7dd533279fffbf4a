import { Peer, type Argument, type Value } from './peer.js'

/** What every worker can be asked for. */
export interface WorkerMethods {
  /** Resolves when it serves. */
  start(options: never): unknown
  /** Takes nothing new and lets what is under way end for at most `graceMs`; then its process ends. */
  close(graceMs: number): Promise<void>
}

/** What a worker tells its parent. */
export interface ParentMethods {
  /** So many of the things that it was given are over. */
  over(count: number): void
}

/** How a worker begins: what it answers `start` with, and what else it can be asked for. */
export interface Begun<M extends WorkerMethods> {
  readonly started: Value<M['start']>
  readonly methods: Omit<M, 'start'>
}

/** How long a worker whose parent is gone goes on with what it has. Milliseconds. */
const ORPHAN_GRACE_MS = 30_000

/**
 * Makes this process a worker. It ends when its parent says so, and when its parent is gone: signals that reach the whole
 * group are the parent's to act on.
 */
export function runWorker<M extends WorkerMethods>(
  serve: (options: Argument<M['start']>, parent: Peer<ParentMethods>) => Promise<Begun<M>>,
): void {
  const parent = new Peer<ParentMethods>(process)
  let close: ((graceMs: number) => Promise<void>) | undefined
  let isClosing = false

  const end = async (graceMs: number): Promise<void> => {
    isClosing = true
    await close?.(graceMs)
    process.exit()
  }
  const methods: Record<string, (argument: never) => unknown> = {
    async start(options: Argument<M['start']>) {
      const begun = await serve(options, parent)
      close = begun.methods.close
      Object.assign(methods, begun.methods, { close: end })
      return begun.started
    },
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  // The parent reads it; without one it breaks, and log lines are no reason to end streams.
  process.stdout.on('error', () => {})
  process.on('disconnect', () => {
    // A parent that goes while it waits for the end was told a second time to stop.
    if (isClosing) process.exit()
    void end(ORPHAN_GRACE_MS)
  })
  parent.answer(methods, (error) => {
    throw error
  })
}

/** Counts what is over, and tells the parent once a turn of the event loop. */
export function overCounter(parent: Peer<ParentMethods>): () => void {
  let count = 0
  const tell = (): void => {
    parent.tell('over', count)
    count = 0
  }
  return () => {
    if (count++ === 0) setImmediate(tell)
  }
}
