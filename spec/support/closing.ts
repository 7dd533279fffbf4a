interface Closable {
  close(): Promise<void>
}

const open: Closable[] = []

/** Closed after the test, the last one first. */
export function closing<T extends Closable>(one: T): T {
  open.push(one)
  return one
}

export async function closeAll(): Promise<void> {
  for (const one of open.splice(0).reverse()) await one.close()
}
