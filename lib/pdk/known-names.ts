/** What hostile senders could fill it with stays below a hundred kilobytes. */
const MAX_NAMES = 1000
const MAX_CHARS = 50

/**
 * Header names as they are written, with what they are here. The same few come with every message: to look one up takes half the
 * time of making it, and V8 knows it as a property's name already.
 */
export class KnownNames {
  readonly #known = new Map<string, string>()

  /** @param make may throw */
  constructor(private readonly make: (written: string) => string) {}

  get(written: string): string {
    const known = this.#known.get(written)
    if (known !== undefined) return known
    const name = this.make(written)
    if (this.#known.size < MAX_NAMES && written.length <= MAX_CHARS) {
      // A copy: a part of a longer text would keep that.
      this.#known.set(Buffer.from(written).toString(), name)
    }
    return name
  }
}
