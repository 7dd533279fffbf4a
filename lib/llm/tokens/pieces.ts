/** Long enough that the cuts cost nothing, short enough for a check of the runs in it. */
const PIECE = 4096
/** How far a cut may move to fall between two words. */
const REACH = 1024
/** Merging the bytes of a run takes quadratic time: nothing longer goes to the tokenizer at once. */
const RUN = 256

/** Behind a letter or digit that begins no cluster and no contraction: there every encoding begins a token, cut or not. */
const WORD_END = /[\p{L}\p{N}](?=[^\p{L}\p{M}\p{N}'])/u
const WORD_ENDS = new RegExp(WORD_END, 'gu')
const LONG_RUNS = new RegExp(String.raw`[\p{L}\p{M}]{${RUN},}|\s{${RUN},}|[^\s\p{L}\p{N}]{${RUN},}`, 'gu')

/**
 * A text in pieces whose tokens add up to its own, but for runs of letters, spaces or signs that no language has: those
 * are cut where they are too long, at the price of a token a cut.
 */
export function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = cutAfter(text, start + PIECE)
    yield* withoutRuns(text.slice(start, end))
    start = end
  }
}

/**
 * Where a text may be cut whose rest has not come yet: behind the last word that is whole. A long way without any ends at its
 * end.
 */
export function lastCut(text: string): number {
  const whole = isHalf(text.charCodeAt(text.length - 1), 0xd800) ? text.length - 1 : text.length
  const from = wholeCharacter(text, Math.max(0, whole - PIECE))
  const [last] = [...text.slice(from, whole).matchAll(WORD_ENDS)].slice(-1)
  if (last !== undefined) return from + last.index + last[0].length
  return from > 0 ? whole : 0
}

function* withoutRuns(piece: string): Generator<string> {
  let start = 0
  for (const { index, 0: run } of piece.matchAll(LONG_RUNS)) {
    if (index > start) yield piece.slice(start, index)
    start = index + run.length
    for (let at = index; at < start;) {
      const end = Math.min(start, wholeCharacter(piece, at + RUN))
      yield piece.slice(at, end)
      at = end
    }
  }
  if (start < piece.length) yield piece.slice(start)
}

/** The first end of a word from here on; here, if there is none nearby. */
function cutAfter(text: string, place: number): number {
  if (place >= text.length) return text.length
  const match = WORD_END.exec(text.slice(place, place + REACH))
  return match === null ? wholeCharacter(text, place) : place + match.index + match[0].length
}

/** Not between the halves of a surrogate pair. */
function wholeCharacter(text: string, place: number): number {
  return isHalf(text.charCodeAt(place), 0xdc00) ? place + 1 : Math.min(place, text.length)
}

/** `first`: of the code units that are a pair's first half, or its second. */
function isHalf(unit: number, first: 0xd800 | 0xdc00): boolean {
  return unit >= first && unit < first + 0x400
}
