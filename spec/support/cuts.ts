/** The ways in which a network may cut a body. Whatever the cut, what comes out must be the same. */

export type Cut = Uint8Array[]

/** Every way to cut the bytes in two, or every way within the first and last `edge` bytes. */
export function* everyCut(bytes: Uint8Array, edge = Infinity): Generator<Cut> {
  for (let at = 1; at < bytes.length; at++) {
    if (at > edge && at < bytes.length - edge) at = bytes.length - edge
    yield [bytes.subarray(0, at), bytes.subarray(at)]
  }
}

/** `n` cuts into random pieces (short and long ones, empty ones too), the same for the same seed. */
export function* seededCuts(bytes: Uint8Array, seed: number, n: number): Generator<Cut> {
  const random = mulberry32(seed)
  for (let i = 0; i < n; i++) {
    const longest = 1 + Math.floor(random() ** 3 * bytes.length)
    const cut: Cut = []
    for (let at = 0; at < bytes.length;) {
      const length = Math.floor(random() * (longest + 1))
      cut.push(bytes.subarray(at, at + length))
      at += length
    }
    yield cut
  }
}

export function byteByByte(bytes: Uint8Array): Cut {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}

/** The same events of an LF stream as other servers write them. */
export function variants(sse: Uint8Array): Record<string, Uint8Array> {
  const text = Buffer.from(sse).toString('utf8')
  return {
    LF: sse,
    CRLF: Buffer.from(text.replaceAll('\n', '\r\n')),
    CR: Buffer.from(text.replaceAll('\n', '\r')),
    BOM: Buffer.from(`\uFEFF${text}`),
    comments: Buffer.from(`: hello\n\n${text.replaceAll('\n\n', '\n\n: ping\n\n')}:`),
    'other fields': Buffer.from(text.replaceAll('data:', 'id: 7\nretry: 10\nweather: fine\ndata:')),
    'no space': Buffer.from(text.replaceAll('data: ', 'data:')),
  }
}

/** A small random generator; the same numbers from 0 to 1 for the same seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
