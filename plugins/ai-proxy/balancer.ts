/** What a balancer knows of one of the targets between which it chooses. */
export interface Peer {
  readonly weight: number
  /** Answers under way. */
  active: number
  /** A moving average, in milliseconds, and when it was last added to; `undefined` until the first. */
  latency: { value: number; at: number } | undefined
  /** What the round-robin owes it. */
  credit: number
}

export const ALGORITHMS = ['round-robin', 'least-connections', 'lowest-latency', 'priority'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** How much the newest latency counts in the average. */
const NEWEST = 0.3
/** A latency loses its weight with time (to 37 % in this many milliseconds), so that a target that was slow once gets another chance. */
const FADES_IN = 60_000

export function measured(peer: Peer, latency: number, now: number): void {
  const before = peer.latency?.value ?? latency
  peer.latency = { value: before + NEWEST * (latency - before), at: now }
}

/** Chooses among at least one. */
type Choose = <P extends Peer>(peers: readonly P[], now: number) => P

export const balancers: Readonly<Record<Algorithm, Choose>> = {
  'round-robin': smoothRoundRobin,
  'least-connections': (peers) => lowest(peers, ({ active, weight }) => (active + 1) / weight),
  'lowest-latency': (peers, now) => lowest(peers, (peer) => expected(peer, now) / peer.weight),
  priority: (peers) => lowest(peers, ({ weight }) => -weight),
}

/**
 * Smooth weighted round-robin, as nginx does it: in each turn everyone earns its weight, and who has most pays for all.
 * Weights 5, 1, 1 give a a b a c a a, never five in a row.
 */
function smoothRoundRobin<P extends Peer>(peers: readonly P[]): P {
  let sum = 0
  for (const peer of peers) {
    peer.credit += peer.weight
    sum += peer.weight
  }
  const chosen = lowest(peers, ({ credit }) => -credit)
  chosen.credit -= sum
  return chosen
}

/** Who has not been measured goes first, of several the one with the fewest answers under way. */
function expected({ latency, active }: Peer, now: number): number {
  if (latency === undefined) return active / 1e9
  return latency.value * Math.exp((latency.at - now) / FADES_IN)
}

/** Of equals the first, so that the order of the config counts. */
function lowest<P extends Peer>(peers: readonly P[], score: (peer: P) => number): P {
  let [best, ...rest] = peers as [P, ...P[]]
  for (const peer of rest) if (score(peer) < score(best)) best = peer
  return best
}
