import { KeptText } from './kept-text.js'
import { tokenModel, type TokenModel } from './models.js'
import { Tally } from './tally.js'
import { type Tokenizer, tokenizer as shared } from './tokenizer.js'

/**
 * In characters. Nearly every answer is shorter, some 30 000 tokens: of a provider that sends usage no text is ever
 * counted, and no tokenizer is loaded for it.
 */
const MAX_HELD = 128 * 1024
/** In characters, more than any model answers at once. What is beyond counts like what is before: no provider keeps us counting. */
const MAX_COUNTED = 1024 * 1024
/** What a tool call takes besides its texts. */
const CALL_ROOM = 768

/** In characters: what was kept, and what came when enough had been. */
interface Volume {
  kept: number
  omitted: number
}

interface Choice {
  readonly text: KeptText
  readonly reasoning: KeptText
  isRefusal: boolean
  /** Tool calls so far. */
  started: number
  readonly names: string[]
  readonly args: Map<number, KeptText>
}

/**
 * What an answer said, kept for a count until the provider has sent its own. Of a long one only the end: what comes before is
 * cut off behind a whole word and counted while the stream goes on, so that the count knows nothing of the frames that the
 * text came in.
 */
export class Said {
  /** Of all that it said. */
  chars = 0
  /** Names of the model; the first that says how to count does. */
  readonly models: string[]
  readonly #spoken: Volume = { kept: 0, omitted: 0 }
  readonly #thought: Volume = { kept: 0, omitted: 0 }
  #held = 0
  #isNeeded = true
  #choices: Choice[] = []
  #counts: Promise<number>[] = []
  #reasoningCounts: Promise<number>[] = []

  /** `model` is the one that was asked. */
  constructor(
    model: string,
    private readonly tokenizer: Pick<Tokenizer, 'count'> = shared,
  ) {
    this.models = [model]
  }

  /** The model has said its name. */
  by(model: string): void {
    this.models.unshift(model)
  }

  text(choice: number, text: string): void {
    if (this.#isKept(this.#spoken, text.length)) this.#choice(choice).text.add(text)
  }

  refusal(choice: number, text: string): void {
    if (!this.#isKept(this.#spoken, text.length)) return
    const refusing = this.#choice(choice)
    refusing.isRefusal = true
    refusing.text.add(text)
  }

  reasoning(choice: number, text: string): void {
    if (this.#isKept(this.#thought, text.length)) this.#choice(choice).reasoning.add(text)
  }

  toolStart(choice: number, name: string): void {
    if (!this.#isKept(this.#spoken, name.length, CALL_ROOM)) return
    const calling = this.#choice(choice)
    calling.started++
    calling.names.push(name)
  }

  toolArgs(choice: number, call: number, text: string): void {
    if (!this.#isKept(this.#spoken, text.length)) return
    const { args } = this.#choice(choice)
    const kept = args.get(call) ?? new KeptText()
    args.set(call, kept)
    kept.add(text)
  }

  /** The provider has counted. */
  release(): void {
    this.#isNeeded = false
    this.#choices = []
    this.#counts = []
    this.#reasoningCounts = []
  }

  /**
   * Everything but the reasoning.
   *
   * @param marked one mark more ends each choice
   * @param forced the request did not leave it to the model to call tools
   */
  tally(model: TokenModel, marked: boolean, forced: boolean): Tally {
    const tally = new Tally()
    tally.counts.push(...this.#counts)
    tally.scale = scaleOf(this.#spoken)
    for (const { text, names, args, isRefusal, started } of this.#choices) {
      for (const said of [text, ...args.values()]) tally.text(said.toString())
      for (const name of names) tally.text(name)
      tally.tokens += model.answer + (isRefusal ? model.refusal : 0) + (marked ? 1 : 0)
      const { parallel, call, calls } = model
      if (started > 0 && !forced) tally.tokens += calls
      tally.tokens += parallel && started > 1 ? parallel[0] + parallel[1] * started : call * started
    }
    return tally
  }

  reasoningTally(): Tally {
    const tally = new Tally()
    tally.counts.push(...this.#reasoningCounts)
    tally.scale = scaleOf(this.#thought)
    for (const { reasoning } of this.#choices) tally.text(reasoning.toString())
    return tally
  }

  #choice(choice: number): Choice {
    while (this.#choices.length <= choice) {
      this.#choices.push({
        text: new KeptText(),
        reasoning: new KeptText(),
        isRefusal: false,
        started: 0,
        names: [],
        args: new Map(),
      })
    }
    return this.#choices[choice]!
  }

  /** A hot path: runs for each delta of a stream. */
  #isKept(volume: Volume, chars: number, besides = 0): boolean {
    this.chars += chars
    if (!this.#isNeeded) return false
    if (this.chars > MAX_COUNTED) {
      volume.omitted += chars
      return false
    }
    volume.kept += chars
    this.#held += chars + besides
    if (this.#held > MAX_HELD) this.#countAhead()
    return true
  }

  #countAhead(): void {
    this.#held = 0
    const { encoding } = tokenModel(...this.models)
    const words: string[] = []
    const reasoning: string[] = []
    for (const choice of this.#choices) {
      words.push(choice.text.takeWords(), ...choice.names.splice(0), ...takeArgs(choice.args))
      reasoning.push(choice.reasoning.takeWords())
    }
    this.#counts.push(this.tokenizer.count(encoding, words))
    this.#reasoningCounts.push(this.tokenizer.count(encoding, reasoning))
  }
}

function scaleOf({ kept, omitted }: Volume): number {
  return kept === 0 ? 1 : (kept + omitted) / kept
}

/** Of the calls before the last nothing more is to come. */
function takeArgs(args: Map<number, KeptText>): string[] {
  const [last] = [...args.keys()].slice(-1)
  return [...args].map(([call, text]) => {
    if (call === last) return text.takeWords()
    args.delete(call)
    return text.toString()
  })
}
