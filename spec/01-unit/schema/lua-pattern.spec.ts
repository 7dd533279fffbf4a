import { describe, expect, it } from 'vitest'
import { literal, luaPattern } from '../../../lib/schema/lua-pattern.js'

function matches(pattern: string, text: string): boolean {
  return new RegExp(luaPattern(pattern), 'u').test(text)
}

describe('luaPattern', () => {
  it.each<[pattern: string, matching: string[], others: string[]]>([
    ['^[%w%.%-%_~]+$', ['a-b.c_1~'], ['', 'a b', 'a/b']],
    ['%d+', ['a1'], ['a']],
    ['^%u%l*$', ['Abc', 'A'], ['abc', 'ABC']],
    ['^%D+$', ['abc-'], ['ab1']],
    ['^[%S]+$', ['abc'], ['a b']],
    ['^[^/]-$', ['abc', ''], ['a/b']],
    ['^a?b$', ['ab', 'b'], ['aab']],
    ['^.$', ['a', '\n', 'é'], ['ab', '']],
    ['^%$%(x%)$', ['$(x)'], ['x']],
    ['a$b', ['a$b'], ['ab']],
    ['a^b', ['a^b'], ['ab']],
    ['^[]]$', [']'], ['[']],
    ['^[^]]$', ['['], [']']],
    ['^[a-c-]$', ['b', '-'], ['d']],
    ['^(ab)%.c$', ['ab.c'], ['abxc']],
    ['^%x+$', ['09afAF'], ['g']],
    ['^[%p]$', ['!', '~', '/', ':'], ['a', '0', ' ']],
    ['{}|', ['{}|'], ['']],
  ])('%s', (pattern, matching, others) => {
    for (const text of matching) expect([text, matches(pattern, text)]).toEqual([text, true])
    for (const text of others) expect([text, matches(pattern, text)]).toEqual([text, false])
  })

  it.each(['%bxy', '%f[%w]', '(a)%1', '[a', 'a%'])('refuses %s', (pattern) => {
    expect(() => luaPattern(pattern)).toThrow(/pattern/)
  })

  it('escapes literal text for itself', () => {
    const text = '\\^$.*+?()[]{}|/-a'
    expect(new RegExp(`^${literal(text)}$`, 'u').test(text)).toBe(true)
  })
})
