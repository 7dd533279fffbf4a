/**
 * The row of a table for a key that came from outside: `undefined` where there is none, also for keys that are no
 * strings or that every object has (`constructor`).
 */
export function lookup<Row>(table: Readonly<Record<string, Row>>, key: unknown): Row | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined
}
