/** What hostile senders could fill it with stays below half a megabyte. */
const MAX_NAMES = 1000
/** What is kept: other names than these are hardly ever meant. */
const PLAIN = /^[\x20-\x7e]{0,50}$/

/**
 * Names as they are written, with what they are here. The same few come with every message: to look one up takes half the time of
 * making it, and V8 knows it as a property's name already.
 */
export class KnownNames<T extends string | object = string> {
  readonly #known = new Map<string, T>()

  /** @param make may throw */
  constructor(
    private readonly make: (written: string) => T,
    private readonly most = MAX_NAMES,
  ) {}

  get(written: string): T {
    const known = this.#known.get(written)
    if (known !== undefined) return known
    if (this.#known.size >= this.most || !PLAIN.test(written)) return this.make(written)
    // A copy: a part of a longer text would keep that.
    const name = Buffer.from(written, 'latin1').toString('latin1')
    const made = this.make(name)
    this.#known.set(name, made)
    return made
  }
}
