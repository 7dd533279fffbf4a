/** What is to be counted: texts, which need a tokenizer, and tokens that are known without one. */
export class Tally {
  readonly texts: string[] = []
  /** Of texts that have gone to the tokenizer before, in tokens of the encoding. */
  readonly counts: Promise<number>[] = []
  /** How much longer all texts are than those here: the rest was not kept. */
  scale = 1
  /** In the model's own tokens. */
  tokens = 0

  text(text: string): void {
    if (text !== '') this.texts.push(text)
  }
}
