import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { passLines } from '../../../../lib/runtime/workers/lines.js'

/** What has been passed on after each piece. */
function passed(...pieces: string[]): string[] {
  const [from, to] = [new PassThrough(), new PassThrough()]
  passLines(from, to)
  return pieces.map((piece) => {
    // What is read from a pipe: `write` would wait for its reader.
    from.emit('data', Buffer.from(piece))
    return String(to.read() ?? '')
  })
}

describe('passLines', () => {
  it('passes lines on when they are whole, each read at once', () => {
    expect(passed('one\ntwo\nthr', 'ee\n', 'four', '', ' and five\n\nsix\n')).toEqual([
      'one\ntwo\n',
      'three\n',
      '',
      '',
      'four and five\n\nsix\n',
    ])
  })

  it('drops a line that has no end', async () => {
    const [from, to] = [new PassThrough(), new PassThrough()]
    passLines(from, to)
    from.end('whole\nbegun')
    await new Promise((resolve) => from.once('end', resolve))
    expect(String(to.read())).toBe('whole\n')
  })

  it('reads no more from a process while the reader of its lines is slow', async () => {
    const [from, to] = [new PassThrough(), new PassThrough({ highWaterMark: 4 })]
    passLines(from, to)
    from.write('a line\n')
    await new Promise((resolve) => setImmediate(resolve))
    expect(from.isPaused()).toBe(true)
    expect(String(to.read())).toBe('a line\n')
    await new Promise((resolve) => setImmediate(resolve))
    expect(from.isPaused()).toBe(false)
  })
})
