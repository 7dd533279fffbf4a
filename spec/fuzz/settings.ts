import * as fc from 'fast-check'

/** A part of the tests; `npm run fuzz` runs on for much longer and with another seed each time, which it prints. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 100)
const seed = Number(process.env.FUZZ_SEED ?? 1)

export function check<Values>(property: fc.IProperty<Values>): void {
  fc.assert(property, { numRuns, seed })
}

export async function checkAsync<Values>(property: fc.IAsyncProperty<Values>): Promise<void> {
  await fc.assert(property, { numRuns, seed })
}

/** What a step throws; `undefined` if nothing. */
export function thrown(step: () => void): unknown {
  try {
    step()
    return undefined
  } catch (error) {
    return error
  }
}

export const isNoneOr =
  (kind: new (...args: never[]) => Error) =>
  (error: unknown): boolean =>
    error === undefined || error instanceof kind
