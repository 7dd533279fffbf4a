/** Lua's character classes, as the inside of a bracket expression. */
const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  c: '\\x00-\\x1f\\x7f',
  d: '0-9',
  g: '\\x21-\\x7e',
  l: 'a-z',
  p: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e',
  s: '\\t-\\r ',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
}

/** The complement of a class, which unlike `[^...]` may stand inside a set. */
const COMPLEMENTS: Readonly<Record<string, string>> = {
  A: '\\x00-@\\[-`{-\\u{10ffff}',
  C: ' -~\\x80-\\u{10ffff}',
  D: '\\x00-/:-\\u{10ffff}',
  G: '\\x00-\\x20\\x7f-\\u{10ffff}',
  L: '\\x00-`{-\\u{10ffff}',
  P: '\\x00-\\x20A-Za-z0-9\\x7f-\\u{10ffff}',
  S: '\\x00-\\x08\\x0e-\\x1f\\x21-\\u{10ffff}',
  U: '\\x00-@\\[-\\u{10ffff}',
  W: '\\x00-/:-@\\[-`{-\\u{10ffff}',
  X: '\\x00-/:-@G-`g-\\u{10ffff}',
}

const QUANTIFIERS: Readonly<Record<string, string>> = { '*': '*', '+': '+', '-': '*?', '?': '?' }

/** A regular expression (flag `u`) that matches the text itself. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/**
 * Translates a Lua pattern into the source of a regular expression (flag `u`).
 * Source: https://www.lua.org/manual/5.1/manual.html#5.4.1
 *
 * @throws Error for what regular expressions lack: `%b`, `%f` and back references
 */
export function luaPattern(pattern: string): string {
  let source = ''
  let i = 0
  if (pattern[0] === '^') {
    source = '^'
    i = 1
  }
  while (i < pattern.length) {
    const char = pattern[i]!
    if (char === '(' || char === ')') {
      source += char
      i++
      continue
    }
    if (char === '$' && i === pattern.length - 1) return source + '$'
    const [single, next] = char === '[' ? set(pattern, i) : one(pattern, i)
    const quantifier = QUANTIFIERS[pattern[next] ?? '']
    source += single + (quantifier ?? '')
    i = quantifier === undefined ? next : next + 1
  }
  return source
}

/** The item at `at`, not a set, and where the next one begins. */
function one(pattern: string, at: number): [string, number] {
  const char = pattern[at]!
  if (char === '.') return ['[^]', at + 1]
  if (char !== '%') return [literal(char), at + 1]
  return [`[${escaped(pattern, at)}]`, at + 2]
}

/** The set that opens at `at`. A closing bracket right at its start is a member. */
function set(pattern: string, at: number): [string, number] {
  let i = at + 1
  const negated = pattern[i] === '^'
  if (negated) i++
  let members = ''
  const start = i
  while (i < pattern.length && (pattern[i] !== ']' || i === start)) {
    if (pattern[i] === '%') {
      members += escaped(pattern, i)
      i += 2
    } else if (pattern[i + 1] === '-' && pattern[i + 2] !== undefined && pattern[i + 2] !== ']') {
      members += `${member(pattern[i]!)}-${member(pattern[i + 2]!)}`
      i += 3
    } else {
      members += member(pattern[i]!)
      i++
    }
  }
  if (i >= pattern.length) throw new Error(`malformed pattern (missing ']'): ${pattern}`)
  return [`[${negated ? '^' : ''}${members}]`, i + 1]
}

function member(char: string): string {
  return char === '-' ? '\\-' : literal(char)
}

/** What `%x` stands for, as the inside of a set. */
function escaped(pattern: string, at: number): string {
  const char = pattern[at + 1]
  if (char === undefined) throw new Error(`malformed pattern (ends with '%'): ${pattern}`)
  const members = CLASSES[char] ?? COMPLEMENTS[char]
  if (members !== undefined) return members
  if (/[a-z0-9]/i.test(char)) throw new Error(`no regular expression for %${char} in pattern: ${pattern}`)
  return member(char)
}
