/** What became of requests between Kong and the relay, since the process started. */
export interface HandoverCounters {
  /** Exchanges that were handed over. */
  handedOver: number
  /** Plugins that joined one that was. */
  joined: number
  /** Requests that Kong sends to their provider itself. */
  direct: number
  /** Requests to the relay without a live ticket. */
  refused: number
  /** Requests to the relay with a ticket that was used before. */
  repeated: number
  /** Log events of requests that have no exchange here: of the process's former life, answered by others, or late. */
  strayLogEvents: number
}

export function handoverCounters(): HandoverCounters {
  return { handedOver: 0, joined: 0, direct: 0, refused: 0, repeated: 0, strayLogEvents: 0 }
}
