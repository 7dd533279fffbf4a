import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { lingerAtClose } from '../../../lib/runtime/lingering-close.js'

/** A client's connection that tells of its silence when the spec says so. */
class Wire extends Duplex {
  onSilence: { ms: number; act: () => void } | undefined

  override _read(): void {}

  override _write(_piece: Buffer, _encoding: string, accepted: () => void): void {
    accepted()
  }

  setTimeout(ms: number, act: () => void): this {
    this.onSilence = { ms, act }
    return this
  }
}

describe('the connection of a request that is answered before it is there', () => {
  let wire: Wire & Pick<Socket, 'destroySoon'>
  let request: IncomingMessage

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    wire = new Wire() as typeof wire
    request = new IncomingMessage(wire as unknown as Socket)
    lingerAtClose(request)
  })

  it('is ended when the answer is out, and what still comes is dropped', async () => {
    request.push('x'.repeat(100_000))
    wire.destroySoon()
    expect(wire.writableEnded).toBe(true)
    await new Promise(setImmediate)
    expect(request.readableLength).toBe(0)
    vi.advanceTimersByTime(29_999)
    expect(wire.destroyed).toBe(false)
  })

  it('is closed after 30 seconds whatever comes', () => {
    wire.destroySoon()
    vi.advanceTimersByTime(30_000)
    expect(wire.destroyed).toBe(true)
  })

  it('is closed after 5 seconds of silence', () => {
    wire.destroySoon()
    expect(wire.onSilence?.ms).toBe(5000)
    wire.onSilence?.act()
    expect(wire.destroyed).toBe(true)
  })

  it.each([
    ['before the answer is out', false],
    ['behind it', true],
  ])('leaves no timer when its client closes it, %s', async (_, isOut) => {
    if (isOut) wire.destroySoon()
    wire.destroy()
    await new Promise(setImmediate)
    if (!isOut) wire.destroySoon()
    expect(vi.getTimerCount()).toBe(0)
  })
})
