import { parseJson } from '../json.js'

/** A frame that said one text, and did nothing else that a second time would do more. */
export interface Spoken {
  text: string
  /**
   * Does what the frame would have done, had it brought this text in the place of its own; good until a frame comes that is
   * not of its run.
   */
  say: (text: string) => void
}

/** Says `text`, if it is any. */
export function speak(text: unknown, say: (text: string) => void): Spoken | undefined {
  if (typeof text !== 'string' || text === '') return undefined
  say(text)
  return { text, say }
}

/**
 * Members whose text is padding, different each time, to hide how long a token is: OpenAI's and Bedrock's. Nobody reads them;
 * they come last.
 */
const PADDING = /"(?:obfuscation|p)"\s*:\s*"(?=[^"\\]*"\}\s*$)/

/** So many times in a row a frame may be learnt in vain; then the stream is taken for one without runs. */
const PATIENCE = 8

/** In characters: what is cut out of less text is not worth a copy, and V8 copies shorter slices by itself. */
const LARGE = 4096
const SLICED = 13

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20
const NO_ASCII = 0x80

/**
 * Nearly all frames of a stream differ from the one before in a piece of text alone. One of them goes the long way, through
 * parser and translator, and is learnt; those that follow need neither: their text is cut out and said.
 *
 * Exact, whatever the format around the JSON is: outside the text (and the padding) every character is that of the frame
 * learnt, and what is inside is one JSON string. A frame that is not alike goes the long way, and ends the run.
 *
 * The hottest path there is, hence one pass over the text, a comparison of what is before and behind it, and no object.
 */
export class TextRun {
  /** Frames that did not go the long way. */
  frames = 0
  /** What stands before the text, opening quote included; `''`: nothing has been learnt. */
  private before = ''
  /** What stands behind it, closing quote first, to the end or into the padding. */
  private after = ''
  /** What stands behind the padding, closing quote first; `''`: there is no padding. */
  private end = ''
  private say: Spoken['say'] = () => {}
  private patience = PATIENCE
  /** Of the frames that went the long way since the last `learn`. */
  private heard = 0
  private spoken: Spoken | undefined

  /** Of the frame found last. */
  private text = ''

  /** @param inBytes frames are given as their bytes, one a character (latin1) */
  constructor(private readonly inBytes = false) {}

  /** A frame went the long way; it was one that says a text, or another one. */
  hear(spoken: Spoken | undefined): void {
    this.heard++
    this.spoken = spoken
  }

  /** `frame` is what was heard since the last call, all of it. */
  learn(frame: string): void {
    const { heard, spoken } = this
    this.heard = 0
    this.spoken = undefined
    this.before = ''
    // Where nothing is escaped, the text stands in the frame as it is.
    if (heard !== 1 || spoken === undefined || this.patience === 0 || frame.includes('\\')) return
    const literal = `"${this.inBytes ? Buffer.from(spoken.text).toString('latin1') : spoken.text}"`
    const start = frame.indexOf(literal)
    // Twice: one of them is something else.
    if (start === -1 || frame.includes(literal, start + 1)) return
    const own = this.copy(frame)
    const after = own.slice(start + literal.length - 1)
    const padding = PADDING.exec(after)
    const paddingStart = padding ? padding.index + padding[0].length : after.length
    this.patience--
    this.before = own.slice(0, start + 1)
    this.after = after.slice(0, paddingStart)
    this.end = padding ? after.slice(after.indexOf('"', paddingStart)) : ''
    this.say = spoken.say
  }

  /** A slice would keep all the text alive that it was cut out of: of a learnt frame, or of one whose text is kept for a count. */
  private copy(frame: string): string {
    return this.inBytes ? Buffer.from(frame, 'latin1').toString('latin1') : Buffer.from(frame).toString()
  }

  /** Says the text of each frame from `at` on that is like the one learnt; returns where they end. */
  skip(text: string, at: number): number {
    if (this.before === '') return at
    let from = at
    for (let end = this.match(text, at); end !== -1; end = this.match(text, from)) {
      this.tell()
      from = end
    }
    return from
  }

  /** Says the text of the frame between `at` and `end`, if it is like the one learnt. */
  says(text: string, at: number, end: number): boolean {
    if (this.before === '' || this.match(text, at) !== end) return false
    this.tell()
    return true
  }

  private tell(): void {
    this.frames++
    this.patience = PATIENCE
    if (this.text !== '') this.say(this.text)
  }

  /** Where the frame at `at` ends; -1 if it is not alike, or not whole. Finds its text. */
  private match(text: string, at: number): number {
    const { before, after, end } = this
    const start = at + before.length
    // `startsWith` compares character by character, which takes three times as long.
    if (text.slice(at, start) !== before) return -1
    let quote = start
    let all = 0
    let escaped = false
    for (let code = text.charCodeAt(quote); code !== QUOTE; code = text.charCodeAt(++quote)) {
      if (code === BACKSLASH) {
        escaped = true
        quote++
      } else if (!(code >= SPACE)) {
        return -1 // also where the text ends
      }
      all |= code
    }
    let frameEnd = quote + after.length
    if (text.slice(quote, frameEnd) !== after) return -1
    if (end !== '') {
      const padding = endOfPadding(text, frameEnd)
      frameEnd = padding + end.length
      if (padding === -1 || text.slice(padding, frameEnd) !== end) return -1
    }
    const isCopied = text.length > LARGE && quote - start >= SLICED
    const inside = isCopied ? this.copy(text.slice(start, quote)) : text.slice(start, quote)
    const decoded = this.inBytes && all >= NO_ASCII ? Buffer.from(inside, 'latin1').toString() : inside
    const said = escaped ? parseJson(`"${decoded}"`) : decoded
    if (typeof said !== 'string') return -1
    this.text = said
    return frameEnd
  }
}

function endOfPadding(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(++at)) {
    if (!(code >= SPACE) || code === BACKSLASH) return -1
  }
  return at
}
