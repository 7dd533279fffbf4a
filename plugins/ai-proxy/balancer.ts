import { createHash } from 'node:crypto'

/** What a balancer knows of one of the targets between which it chooses. */
export interface Peer {
  readonly weight: number
  /** Tells it from the others, in every process alike. */
  readonly key: string
  /** Answers under way. */
  active: number
  /** A moving average, in milliseconds, and when it was last added to; `undefined` until the first. */
  latency: { value: number; at: number } | undefined
  /** What the round-robin owes it. */
  credit: number
}

export const ALGORITHMS = [
  'round-robin',
  'least-connections',
  'lowest-latency',
  'priority',
  'consistent-hashing',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** How much the newest latency counts in the average. */
const NEWEST = 0.3
/** A latency loses its weight with time (to 37 % in this many milliseconds), so that a target that was slow once gets another chance. */
const FADES_IN = 60_000

export function measured(peer: Peer, latency: number, now: number): void {
  const before = peer.latency?.value ?? latency
  peer.latency = { value: before + NEWEST * (latency - before), at: now }
}

/** Chooses among at least one. `hashed` is what requests have in common that go to the same one. */
type Choose = <P extends Peer>(peers: readonly P[], now: number, hashed?: string) => P

export const balancers: Readonly<Record<Algorithm, Choose>> = {
  'round-robin': smoothRoundRobin,
  'least-connections': (peers) => lowest(peers, ({ active, weight }) => (active + 1) / weight),
  'lowest-latency': (peers, now) => lowest(peers, (peer) => expected(peer, now) / peer.weight),
  priority: (peers) => lowest(peers, ({ weight }) => -weight),
  'consistent-hashing': (peers, _, hashed) =>
    hashed === undefined
      ? smoothRoundRobin(peers)
      : lowest(peers, ({ key, weight }) => -Math.log(fraction(hashed, key)) / weight),
}

/**
 * Rendezvous hashing: each peer draws its number for the value, and the lowest wins, so that one that comes or goes moves
 * its own share only. `-log` of a number between 0 and 1, divided by the weight, makes the shares those of the weights.
 */
function fraction(hashed: string, key: string): number {
  const digest = createHash('sha256').update(`${key}\n${hashed}`).digest()
  return (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48
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
