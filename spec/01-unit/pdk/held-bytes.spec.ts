import { describe, expect, it } from 'vitest'
import { free, hold, letGo, own } from '../../../lib/pdk/held-bytes.js'
import { rawBody } from '../../../lib/pdk/raw-body.js'

const made = () => Buffer.allocUnsafeSlow(1000).fill('x')

describe('held bytes', () => {
  it('are freed by the last one who lets them go', () => {
    const bytes = made()
    own(bytes)
    expect(hold(bytes)).toBe(true)
    letGo(bytes)
    expect(bytes.toString()).toBe('x'.repeat(1000))
    letGo(bytes)
    expect(bytes.length).toBe(0)
  })

  it('are the same by every view on them', () => {
    const bytes = made()
    own(bytes.subarray(0, 900))
    const view = rawBody(bytes.subarray(100))
    hold(view)
    letGo(bytes)
    expect(view.length).toBe(900)
    letGo(view)
    expect(view.length).toBe(0)
  })

  it('are left alone where nobody owns them', () => {
    const bytes = made()
    expect(hold(bytes)).toBe(false)
    letGo(bytes)
    letGo(bytes)
    expect(bytes.length).toBe(1000)
  })

  it('may be let go once too often', () => {
    const bytes = made()
    own(bytes)
    letGo(bytes)
    letGo(bytes)
    expect(hold(bytes)).toBe(false)
  })
})

describe('bytes that nobody else has', () => {
  it('are freed', () => {
    const bytes = made()
    free(bytes)
    expect(bytes.length).toBe(0)
  })

  it('stay where they share a memory with others', () => {
    const bytes = made()
    free(bytes.subarray(1))
    expect(bytes.length).toBe(1000)
  })
})
