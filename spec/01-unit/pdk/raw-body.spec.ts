import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { rawBody } from '../../../lib/pdk/raw-body.js'

describe('a raw body', () => {
  const text = 'Größe, grün'
  const body = rawBody(Buffer.from(text))

  it('is a Buffer for everything that asks', () => {
    expect(Buffer.isBuffer(body)).toBe(true)
    expect(body).toBeInstanceOf(Uint8Array)
    expect(body.equals(Buffer.from(text))).toBe(true)
    expect(Buffer.concat([body, body]).toString()).toBe(text + text)
    expect(createHash('md5').update(body).digest('hex')).toBe(createHash('md5').update(text).digest('hex'))
    expect(body.length).toBe(Buffer.byteLength(text))
    expect(body.subarray(0, 2).toString()).toBe('Gr')
    expect(body.toString('latin1')).toHaveLength(Buffer.byteLength(text))
  })

  it('answers the string methods that Buffer lacks, over its text', () => {
    expect(body.replace('grün', 'blau')).toBe('Größe, blau')
    expect(body.split(', ')).toEqual(['Größe', 'grün'])
    expect(body.match(/gr(.)n/)?.[1]).toBe('ü')
    expect(body.toUpperCase()).toBe('GRÖSSE, GRÜN')
    expect(body.startsWith('Größe')).toBe(true)
    expect(body.trim()).toBe(text)
    expect([...body.matchAll(/gr/gi)]).toHaveLength(2)
  })

  it('is its text in a template and beside a string', () => {
    expect(String(body)).toBe(text)
    expect(['<', body, '>'].join('')).toBe(`<${text}>`)
  })

  it('views the same memory', () => {
    const bytes = Buffer.from('abc')
    bytes[0] = 0x7a
    expect(rawBody(bytes).toString()).toBe('zbc')
    expect(rawBody(bytes).buffer).toBe(bytes.buffer)
  })

  it('leaves Buffer itself as it is', () => {
    expect('replace' in Buffer.from('')).toBe(false)
  })
})
