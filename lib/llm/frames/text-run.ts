import { parseJson } from '../json.js'

/** A frame that said one text, and did nothing else that a second time would do more. */
export interface Spoken {
  text: string
  /**
   * Does what the frame would have done, had it brought this text in the place of its own; good until a frame comes that is
   * not of its run.
   */
  say: (text: string) => void
  /** Does the same for several frames in a row, for less. */
  sayAll?: ((texts: readonly string[]) => void) | undefined
}

/** Says `text`, if it is any. */
export function speak(
  text: unknown,
  say: Spoken['say'],
  sayAll?: NonNullable<Spoken['sayAll']>,
): Spoken | undefined {
  if (typeof text !== 'string' || text === '') return undefined
  say(text)
  return { text, say, sayAll }
}

/**
 * Members whose text is padding, different each time, to hide how long a token is: OpenAI's and Bedrock's. Nobody reads them;
 * they come last.
 */
const PADDING = /"(?:obfuscation|p)"\s*:\s*"(?=[^"\\]*"\}\s*$)/

/** So many times in a row a frame may be learnt in vain; then the stream is taken for one without runs. */
const PATIENCE = 8

const ASCII = /^[\0-\x7f]*$/

const NONE: string[] = []
const SILENT: Spoken = { text: '', say: () => {} }

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
 * The hottest path there is, hence one pass over the text, one comparison of what is between two texts, and what was found in a
 * read is said in one go.
 */
export class TextRun {
  /** Frames that did not go the long way. */
  frames = 0
  /** What stands before the text, opening quote included; `''`: nothing has been learnt. */
  private before = ''
  /** Where there is padding: what stands between the text and it, both quotes included; else `''`. */
  private beforePadding = ''
  /** What stands behind the text, or the padding, closing quote first. */
  private behind = ''
  /** The same with what stands before the text of the next frame. */
  private between = ''
  private spoken: Spoken = SILENT
  private patience = PATIENCE
  /** Of the frames that went the long way since the last `learn`. */
  private heard = 0
  private lastHeard: Spoken | undefined

  /** Of the frame found last. */
  private found = ''
  /** Of frames that were taken, and not said yet. */
  private texts = NONE

  /** @param inBytes frames are given as their bytes, one a character (latin1) */
  constructor(private readonly inBytes = false) {}

  /** A frame went the long way; it was one that says a text, or another one. */
  hear(spoken: Spoken | undefined): void {
    this.heard++
    this.lastHeard = spoken
  }

  /** `frame` is what was heard since the last call, all of it. */
  learn(frame: string): void {
    const { heard, lastHeard: spoken } = this
    this.heard = 0
    this.lastHeard = undefined
    this.before = ''
    // Where nothing is escaped, the text stands in the frame as it is.
    if (heard !== 1 || spoken === undefined || this.patience === 0 || frame.includes('\\')) return
    const inside = this.inBytes ? inLatin1(spoken.text) : spoken.text
    const literal = `"${inside}"`
    const start = frame.lastIndexOf(literal)
    // Twice: one of them is something else.
    if (start < 1 || frame.lastIndexOf(literal, start - 1) !== -1) return
    // What is behind the text, then what is before it: a string of its own, whose slices keep nothing else alive.
    const own = frame.slice(start + literal.length - 1) + frame.slice(0, start + 1)
    const rest = own.length - start - 1
    const padding = PADDING.exec(own.slice(0, rest))
    const paddingStart = padding ? padding.index + padding[0].length : 0
    const behindStart = padding ? own.indexOf('"', paddingStart) : 0
    this.patience--
    this.before = own.slice(rest)
    this.beforePadding = own.slice(0, paddingStart)
    this.behind = own.slice(behindStart, rest)
    this.between = own.slice(behindStart)
    this.spoken = spoken
  }

  /** A slice would keep the whole read alive while its text is kept for a whole answer. */
  private copy(inside: string): string {
    return this.inBytes ? Buffer.from(inside, 'latin1').toString('latin1') : Buffer.from(inside).toString()
  }

  /** Says the texts of the frames from `at` on that are like the one learnt; returns where they end. */
  skip(text: string, at: number): number {
    const { before, behind, between } = this
    if (before === '' || !isAt(text, at, before)) return at
    let from = at
    for (let goesOn = true; goesOn;) {
      const end = this.find(text, from + before.length)
      if (end === -1) break
      goesOn = isAt(text, end, between)
      if (!goesOn && !isAt(text, end, behind)) break
      this.take()
      from = end + behind.length
    }
    this.tell()
    return from
  }

  /** Takes the frame between `at` and `end`, if it is like the one learnt: its text is said by the next `tell`. */
  takes(text: string, at: number, end: number): boolean {
    const { before, behind } = this
    if (before === '' || !isAt(text, at, before)) return false
    const behindStart = this.find(text, at + before.length)
    if (behindStart !== end - behind.length || !isAt(text, behindStart, behind)) return false
    this.take()
    return true
  }

  /** Says what was taken. */
  tell(): void {
    const { texts, spoken } = this
    // It may be a slice of the read.
    this.found = ''
    if (texts.length === 0) return
    this.texts = NONE
    if (texts.length === 1) spoken.say(texts[0]!)
    else if (spoken.sayAll) spoken.sayAll(texts)
    else for (const text of texts) spoken.say(text)
  }

  private take(): void {
    this.frames++
    this.patience = PATIENCE
    if (this.found === '') return
    if (this.texts === NONE) this.texts = [this.found]
    else this.texts.push(this.found)
  }

  /** Finds the text that begins at `start`. Returns where what is behind it, or behind the padding, has to be; -1: it is no text. */
  private find(text: string, start: number): number {
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
    // Of texts that are said together, copies are made anyway.
    const isKept = this.texts.length === 0 || this.spoken.sayAll === undefined
    const isCopied = isKept && text.length > LARGE && quote - start >= SLICED
    const inside = isCopied ? this.copy(text.slice(start, quote)) : text.slice(start, quote)
    const decoded = this.inBytes && all >= NO_ASCII ? Buffer.from(inside, 'latin1').toString() : inside
    const found = escaped ? parseJson(`"${decoded}"`) : decoded
    if (typeof found !== 'string') return -1
    this.found = found
    const { beforePadding } = this
    if (beforePadding === '') return quote
    return isAt(text, quote, beforePadding) ? endOfPadding(text, quote + beforePadding.length) : -1
  }
}

/** The bytes of UTF-8, one a character. */
function inLatin1(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text).toString('latin1')
}

/** `startsWith` compares character by character, which takes three times as long. */
function isAt(text: string, at: number, part: string): boolean {
  return text.slice(at, at + part.length) === part
}

function endOfPadding(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(++at)) {
    if (!(code >= SPACE) || code === BACKSLASH) return -1
  }
  return at
}
