/** Escapes and classes of PCRE and of Rust that JavaScript reads as something else: refused rather than matched wrongly. */
const FOREIGN = /\\(?:[ACEGHKQRUXZPaehpz]|x\{)|\[\[:/

/** Compiles a pattern of Kong's. Named groups may be written `(?P<name>`. Throws a SyntaxError. */
function compile(pattern: string, before: string, after: string, flags: string): RegExp {
  const foreign = FOREIGN.exec(pattern.replaceAll('\\\\', '  '))
  if (foreign !== null) throw new SyntaxError(`${foreign[0]} is not supported`)
  return new RegExp(before + pattern.replaceAll('(?P<', '(?<') + after, flags)
}

/** A path of a Route that is a regular expression, matched from the path's beginning; else it is a prefix. */
export function isRegexPath(path: string): boolean {
  return path.startsWith('~')
}

export function compilePath(path: string): RegExp {
  return compile(path.slice(1), '^(?:', ')', '')
}

/** A header's value that is a regular expression: it may match anywhere, whatever the case. */
export function isRegexHeader(value: string): boolean {
  return value.startsWith('~*')
}

export function compileHeader(value: string): RegExp {
  return compile(value.slice(2), '', '', 'i')
}

interface HostParts {
  readonly name: string
  readonly port: number | undefined
}

/** Of the host that was split last: requests come for the same ones. */
let last: { readonly host: string; readonly parts: HostParts } = {
  host: '',
  parts: { name: '', port: undefined },
}

/** `example.com:8000` as its name, in lower case and without brackets, and its port. */
export function splitHost(host: string): HostParts {
  if (host !== last.host) last = { host, parts: partsOf(host) }
  return last.parts
}

function partsOf(host: string): HostParts {
  const [, name = host, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? []
  return {
    name: name.replace(/^\[(.*)\]$/, '$1').toLowerCase(),
    port: port === undefined ? undefined : Number(port),
  }
}
