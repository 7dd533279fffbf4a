import { parentPort } from 'node:worker_threads'
import type { EncodingName } from './models.js'
import { pieces } from './pieces.js'

/** To the worker. */
export interface CountRequest {
  id: number
  encoding: EncodingName
  texts: string[]
}

/** From the worker. */
export interface CountReply {
  id: number
  tokens: number
}

interface Encoding {
  countTokens(text: string, options: { disallowedSpecial: Set<string> }): number
  setMergeCacheSize(size: number): void
}

const LOADERS: Readonly<Record<EncodingName, () => Promise<Encoding>>> = {
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
}

const loaded = new Map<EncodingName, Promise<Encoding>>()

function load(name: EncodingName): Promise<Encoding> {
  let encoding = loaded.get(name)
  if (encoding === undefined) {
    encoding = LOADERS[name]().then((module) => {
      module.setMergeCacheSize(0) // its keys are slices that would keep whole prompts in memory
      return module
    })
    loaded.set(name, encoding)
  }
  return encoding
}

/** A special token in a text is text like any other. */
const OPTIONS = { disallowedSpecial: new Set<string>() }

/**
 * The thread that counts. Here, because loading an encoding takes a few hundred milliseconds at a stretch, and 100 000
 * tokens some twenty: on the main thread every stream would stand still for it.
 */
parentPort?.on('message', ({ id, encoding, texts }: CountRequest) => {
  void load(encoding).then((module) => {
    const tokens = texts.reduce((sum, text) => sum + tokensOf(text, module), 0)
    parentPort?.postMessage({ id, tokens } satisfies CountReply, [])
  })
})

function tokensOf(text: string, encoding: Encoding): number {
  let tokens = 0
  let last = ''
  let lastTokens = 0
  for (const piece of pieces(text)) {
    // The pieces of a long run are mostly alike, and each of them takes as long as twenty others.
    if (piece !== last) lastTokens = encoding.countTokens(piece, OPTIONS)
    last = piece
    tokens += lastTokens
  }
  return tokens
}
