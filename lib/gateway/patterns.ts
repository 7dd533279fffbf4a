/** Escapes and classes of PCRE and of Rust that JavaScript reads as something else: refused rather than matched wrongly. */
const FOREIGN = /\\(?:[ACEGHKQRUXZPaehpz]|x\{)|\[\[:/

/**
 * Compiles a pattern of Kong's. Named groups may be written `(?P<name>`, and `(?i)` may stand at the beginning.
 * Throws a SyntaxError.
 */
export function compilePattern(pattern: string, { anchored, ignoreCase }: PatternOptions): RegExp {
  const foreign = FOREIGN.exec(pattern.replaceAll('\\\\', '  '))
  if (foreign !== null) throw new SyntaxError(`${foreign[0]} is not supported`)
  const insensitive = pattern.startsWith('(?i)')
  const body = (insensitive ? pattern.slice(4) : pattern).replaceAll('(?P<', '(?<')
  return new RegExp(anchored ? `^(?:${body})` : body, ignoreCase || insensitive ? 'i' : '')
}

interface PatternOptions {
  anchored: boolean
  ignoreCase: boolean
}

/** A path of a Route that is a regular expression, matched from the path's beginning; else it is a prefix. */
export function isRegexPath(path: string): boolean {
  return path.startsWith('~')
}

export function compilePath(path: string): RegExp {
  return compilePattern(path.slice(1), { anchored: true, ignoreCase: false })
}

/** A header's value that is a regular expression: it may match anywhere, whatever the case. */
export function isRegexHeader(value: string): boolean {
  return value.startsWith('~*')
}

export function compileHeader(value: string): RegExp {
  return compilePattern(value.slice(2), { anchored: false, ignoreCase: true })
}

/** `example.com:8000` as its name, in lower case and without brackets, and its port. */
export function splitHost(host: string): { name: string; port: number | undefined } {
  const [, name = host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? []
  return {
    name: name.replace(/^\[(.*)\]$/, '$1').toLowerCase(),
    port: port === undefined ? undefined : Number(port),
  }
}
