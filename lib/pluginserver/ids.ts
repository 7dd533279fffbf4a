import { randomBytes } from 'node:crypto'

/**
 * Where a process begins to count its instances or events. Random, so that ids of an earlier process do not meet ones of this
 * process; 40 bits, so that counting on from it stays exact in a Lua number.
 */
export function firstId(): number {
  return randomBytes(5).readUIntBE(0, 5)
}
