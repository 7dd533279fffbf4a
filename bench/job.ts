/** What the load client is told to do: many requests alike. */
export interface Job {
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly requests: number
  readonly concurrency: number
  readonly readRate?: number | undefined
  /** Of each answer, how many delays at its beginning, and at its end, do not count. */
  readonly skippedDelays: number
  /** A good answer has so many bytes, or so many events and `[DONE]`. */
  readonly expect: { readonly bytes?: number; readonly events?: number }
  /** The target is a relay: a Kong hands each request over, the plugin server being here. */
  readonly handover?: { readonly socket: string; readonly config: object } | undefined
}

/** What it saw. Times are microseconds. */
export interface Outcome {
  readonly faults: number
  readonly firstFault: string | undefined
  /** From the request to the first token, by request; of paced answers only. */
  readonly firstTokens: readonly number[]
  /** From a frame's leaving the provider to its arrival, by frame. */
  readonly delays: readonly number[]
}
