import type { TokenModel } from './models.js'
import { Tally } from './tally.js'

/** More than any model answers at once; of what goes beyond only the length is kept. */
const MAX_CHARS = 1024 * 1024

interface Choice {
  text: string
  reasoning: string
  /** Name and arguments of each call. */
  calls: string[]
}

/**
 * What an answer said, kept for a count. Texts are joined here and counted as a whole, so that the count knows nothing
 * of the frames that they came in; to join costs next to nothing while they come.
 */
export class Said {
  #room = MAX_CHARS
  #omitted = 0
  #omittedReasoning = 0
  readonly #choices: Choice[] = []

  /** Of all that it said. */
  get chars(): number {
    return MAX_CHARS - this.#room
  }

  text(choice: number, text: string): void {
    if (this.#fits(text)) this.#choice(choice).text += text
    else this.#omitted += text.length
  }

  reasoning(choice: number, text: string): void {
    if (this.#fits(text)) this.#choice(choice).reasoning += text
    else this.#omittedReasoning += text.length
  }

  toolStart(choice: number, call: number, name: string): void {
    this.#choice(choice).calls[call] = this.#fits(name) ? `${name} ` : ''
  }

  toolArgs(choice: number, call: number, text: string): void {
    const { calls } = this.#choice(choice)
    if (this.#fits(text)) calls[call] = (calls[call] ?? '') + text
    else this.#omitted += text.length
  }

  /** Everything but the reasoning. */
  tally(model: TokenModel): Tally {
    const tally = new Tally()
    tally.omittedChars = this.#omitted
    for (const { text, calls } of this.#choices) {
      tally.text(text)
      for (const call of calls) tally.text(call)
      tally.tokens += model.answer + calls.length * model.call
    }
    return tally
  }

  reasoningTally(): Tally {
    const tally = new Tally()
    tally.omittedChars = this.#omittedReasoning
    for (const { reasoning } of this.#choices) tally.text(reasoning)
    return tally
  }

  #choice(choice: number): Choice {
    while (this.#choices.length <= choice) this.#choices.push({ text: '', reasoning: '', calls: [] })
    return this.#choices[choice]!
  }

  #fits(text: string): boolean {
    this.#room -= text.length
    return this.#room >= 0
  }
}
