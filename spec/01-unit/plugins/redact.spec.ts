import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../../lib/pdk/exchange.js'
import { createFilterKong, type FilterKong } from '../../../lib/pdk/kong.js'
import type { BodyArg } from '../../../lib/pdk/plugin.js'
import { Plugin } from '../../../plugins/redact/index.js'
import { fakeExchange, fakeScope } from '../pdk/fake-exchange.js'

const TEXT = 'Die süße Süßigkeit: süß, süsüß, süßsüß 🍬 und ein sü'

const redact = new Plugin({ word: 'süß', replacement: '🤫' })

function filtering(): { x: Exchange; kong: FilterKong } {
  const x = fakeExchange('header_filter')
  const kong = createFilterKong(x, fakeScope())
  return { x, kong }
}

/** What the client gets for each piece; the last one ends the body. */
function run(pieces: readonly Buffer[], plugin = redact): string[] {
  const { x, kong } = filtering()
  plugin.headerFilter(kong)
  x.phase = 'body_filter'
  return pieces.map((chunk, i) => {
    const arg: BodyArg = { chunk, eof: i === pieces.length - 1 }
    plugin.bodyFilter(kong, arg)
    return arg.chunk.toString('latin1')
  })
}

const client = (pieces: readonly Buffer[], plugin = redact) =>
  Buffer.from(run(pieces, plugin).join(''), 'latin1').toString()

const bytes = Buffer.from(TEXT)
const expected = TEXT.replaceAll('süß', '🤫')

describe('redact', () => {
  it('replaces the word in a whole body', () => {
    expect(client([bytes])).toBe(expected)
  })

  it('does so however one or two cuts, inside characters too, divide the body', () => {
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) {
        const pieces = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)]
        expect(client(pieces), `cut at ${i} and ${j}`).toBe(expected)
      }
    }
  })

  it('does so byte by byte, with an empty flush after each and an empty end', () => {
    const pieces = [...bytes].flatMap((byte) => [Buffer.from([byte]), Buffer.alloc(0)])
    expect(client([...pieces, Buffer.alloc(0)])).toBe(expected)
  })

  it('holds back only what may become the word', () => {
    const [first, second, third] = run(['one s', 'ub', ' end'].map((text) => Buffer.from(text)))
    expect([first, second, third]).toEqual(['one ', 'sub', ' end'])
  })

  it('finds a word that repeats its own beginning', () => {
    const plugin = new Plugin({ word: 'aab', replacement: '' })
    expect(client([Buffer.from('a'), Buffer.from('aa'), Buffer.from('bx')], plugin)).toBe('ax')
  })

  it('takes the replacement literally and leaves other bytes as they are', () => {
    const plugin = new Plugin({ word: 'w', replacement: '$&' })
    expect(run([Buffer.from([0xff, 0x77, 0x00])], plugin)).toEqual(['\xff$&\0'])
  })

  it('removes the length that the body no longer has', () => {
    const { x, kong } = filtering()
    x.response.headers['content-length'] = '5'
    redact.headerFilter(kong)
    expect(x.response.headers).toEqual({})
  })

  it('starts anew with the answer of another attempt', () => {
    const { x, kong } = filtering()
    for (const text of ['lost s', 'üß']) {
      x.phase = 'header_filter'
      redact.headerFilter(kong)
      x.phase = 'body_filter'
      const arg: BodyArg = { chunk: Buffer.from(text), eof: text === 'üß' }
      redact.bodyFilter(kong, arg)
      expect(arg.chunk.toString()).toBe(text === 'üß' ? 'üß' : 'lost ')
    }
  })
})
