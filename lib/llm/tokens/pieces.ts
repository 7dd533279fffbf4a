/** Long enough that the cuts cost nothing, short enough for a check of the runs in it. */
const PIECE = 4096
/** How far a cut may move to fall between two words. */
const REACH = 256
/** Merging the bytes of a run takes quadratic time: nothing longer goes to the tokenizer at once. */
const RUN = 128

/** Behind a letter that begins no cluster and no contraction: there every encoding begins a token, cut or not. */
const WORD_END = /\p{L}(?=[^\p{L}\p{M}\p{N}'])/u
const LONG_RUN = new RegExp(String.raw`[\p{L}\p{M}]{${RUN}}|\s{${RUN}}|[^\s\p{L}\p{N}]{${RUN}}`, 'u')

/**
 * A text in pieces whose tokens add up to its own, but for runs of letters, spaces or signs that no language has: those
 * are cut where they are too long, at the price of a token a cut.
 */
export function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = cutAfter(text, start + PIECE)
    const piece = text.slice(start, end)
    start = end
    if (LONG_RUN.test(piece)) yield* runs(piece)
    else yield piece
  }
}

function* runs(piece: string): Generator<string> {
  for (let start = 0; start < piece.length;) {
    const end = wholeCharacter(piece, start + RUN)
    yield piece.slice(start, end)
    start = end
  }
}

/** The first end of a word from here on; here, if there is none nearby. */
function cutAfter(text: string, place: number): number {
  if (place >= text.length) return text.length
  const match = WORD_END.exec(text.slice(place, place + REACH))
  return match === null ? wholeCharacter(text, place) : place + match.index + match[0].length
}

/** Not between the halves of a surrogate pair. */
function wholeCharacter(text: string, place: number): number {
  const unit = text.charCodeAt(place)
  return unit >= 0xdc00 && unit <= 0xdfff ? place + 1 : Math.min(place, text.length)
}
