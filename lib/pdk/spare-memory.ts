import { MessageChannel } from 'node:worker_threads'

/** Smaller memories are not kept, larger ones are a multiple of it: bodies that differ by a little can have the same. Bytes. */
const BLOCK = 128 * 1024
/** What is kept at most. Bytes. */
const MOST = 16 * 1024 * 1024
/** What nobody needs for so long, and at most twice as long, is freed. */
const IDLE_MS = 10_000

/** What is transferred to a port that leads nowhere is freed at once. (Node 20 has no `ArrayBuffer.prototype.transfer`.) */
const { port1: nowhere, port2: otherEnd } = new MessageChannel()
otherEnd.close()

/**
 * Memories of large bodies for the next ones. Of a new memory each page costs an interruption when it is first written to, which
 * takes longer than to copy a body into it.
 */
export class SpareMemory {
  /** The last one that came goes first. */
  readonly #memories: ArrayBuffer[] = []
  #bytes = 0
  /** The first of them, which nobody has needed since the last look. */
  #unused = 0
  #timer: NodeJS.Timeout | undefined

  /** @returns as many bytes or some more, with anything in them */
  take(size: number): Buffer {
    const place = this.#memories.findLastIndex(
      ({ byteLength }) => byteLength >= size && byteLength <= 2 * size,
    )
    if (place === -1) return Buffer.allocUnsafeSlow(size < BLOCK ? size : Math.ceil(size / BLOCK) * BLOCK)
    this.#unused = Math.min(this.#unused, place)
    const [memory] = this.#memories.splice(place, 1)
    this.#bytes -= memory!.byteLength
    return Buffer.from(memory!)
  }

  /** Takes a memory from all who have it: every view on it is empty then. */
  give(memory: ArrayBufferLike): void {
    if (!(memory instanceof ArrayBuffer)) return
    const { byteLength } = memory
    if (byteLength < BLOCK || this.#bytes + byteLength > MOST) {
      free(memory)
      return
    }
    this.#memories.push(structuredClone(memory, { transfer: [memory] }))
    this.#bytes += byteLength
    this.#timer ??= setInterval(freeUnused, IDLE_MS, this).unref()
  }

  freeUnused(): void {
    for (const memory of this.#memories.splice(0, this.#unused)) {
      this.#bytes -= memory.byteLength
      free(memory)
    }
    this.#unused = this.#memories.length
    if (this.#unused > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** That of this process, or of this worker. */
export const spareMemory = new SpareMemory()

function free(memory: ArrayBuffer): void {
  nowhere.postMessage(null, [memory])
}

function freeUnused(spare: SpareMemory): void {
  spare.freeUnused()
}
