/** RFC 3986 §2.2, and the percent sign: encoding or decoding one of these changes what a path means. */
const RESERVED = "!*'();:@&=+$,/?%#[]"

/** One percent-encoded character: the bytes that its first one announces, if that is UTF-8, else one byte. */
const ENCODED =
  /%(?:[cd][0-9a-f]%[89ab][0-9a-f]|e[0-9a-f](?:%[89ab][0-9a-f]){2}|f[0-7](?:%[89ab][0-9a-f]){3}|[0-9a-f]{2})/gi

/**
 * A request's path as Kong matches it (RFC 3986 §6.2.2): percent-encoding undone except for reserved characters, dot
 * segments removed, slashes merged. `undefined` where nginx answers 400: malformed percent-encoding, an encoded NUL,
 * dot segments that leave the root, no leading slash. Bytes that are no UTF-8 stay encoded.
 */
export function normalizePath(raw: string): string | undefined {
  if (!raw.startsWith('/')) return undefined
  let path = raw
  if (path.includes('%')) {
    if (/%(?![0-9a-f]{2})|%00/i.test(path)) return undefined
    path = path.replace(ENCODED, decode)
  }
  return path.includes('/.') || path.includes('//') ? withoutDotSegments(path) : path
}

function decode(encoded: string): string {
  try {
    const text = decodeURIComponent(encoded)
    return RESERVED.includes(text) ? encoded.toUpperCase() : text
  } catch {
    return encoded.toUpperCase()
  }
}

function withoutDotSegments(path: string): string | undefined {
  const segments = path.split('/')
  const kept: string[] = []
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.pop() === undefined) return undefined
    } else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  if (kept.length === 0) return '/'
  const endsInSlash = ['', '.', '..'].includes(segments.at(-1)!)
  return `/${kept.join('/')}${endsInSlash ? '/' : ''}`
}
