import type { Answer, AnswerFacts } from '../answer.js'
import type { Usage } from '../chat.js'
import { ChatError } from '../errors.js'
import type { AnswerSink } from '../formats/answer-sink.js'
import { FrameError, MAX_FRAME_BYTES } from '../frames/frame.js'
import type { Unfinished } from '../unfinished.js'
import type { Intake } from './intake.js'

/**
 * A stream that brings more without a delta is not held any longer: from then on the client sets the pace. More than a
 * frame, so that one that is too large is an early error still.
 */
const MAX_HELD_BYTES = 2 * MAX_FRAME_BYTES

/** Counts what a sink was told. */
export type CountUsage = (sink: AnswerSink) => Promise<Usage>

/**
 * What all answers that are read into a sink have in common: bytes go through an intake to the sink, the sink's state is
 * the answer's, and whatever goes wrong on the way becomes its error. What comes out is up to the kind of answer.
 */
export abstract class SinkAnswer<S extends AnswerSink> implements Answer {
  state: Answer['state'] = 'held'
  counting: Promise<void> | undefined
  /** Something may have gone to the client. Stays so when the answer fails later. */
  private opened = false
  private released = false
  private received = 0

  constructor(
    protected readonly sink: S,
    private readonly intake: Intake,
    /** A stream opens at its first delta, a body once it is complete. */
    private readonly opensAt: 'delta' | 'end',
    private readonly count: CountUsage | undefined,
  ) {}

  /** What may go out and did not go yet. */
  protected abstract output(): Buffer | undefined

  get error(): ChatError | undefined {
    return this.sink.failure
  }

  get began(): boolean {
    return this.sink.delta
  }

  get unfinished(): Unfinished | undefined {
    const { plainText: text, identity } = this.sink
    return text === undefined ? undefined : { text, identity: this.opened ? identity : undefined }
  }

  get facts(): AnswerFacts {
    const { id, model, lastUsage, totalUsage: usage, estimated, finishReasons, events, saidChars } = this.sink
    const { frames, unknownFrames } = this.intake
    return {
      id,
      model,
      usage,
      ownUsage: lastUsage === usage ? undefined : lastUsage,
      estimated: estimated || undefined,
      finishReasons,
      frames,
      unknownFrames,
      events: events > 0 ? events : undefined,
      saidChars,
    }
  }

  push(bytes: Uint8Array): void {
    if (this.sink.isOver) return
    this.received += bytes.length
    if (this.received > MAX_HELD_BYTES) this.released = true
    try {
      this.intake.push(bytes)
    } catch (thrown) {
      this.sink.error(asChatError(thrown))
    }
    this.settle()
  }

  end(): void {
    if (this.sink.isOver) return
    try {
      this.intake.end()
      this.sink.done()
    } catch (thrown) {
      this.sink.error(asChatError(thrown))
    }
    this.settle()
  }

  fail(error: ChatError): void {
    this.sink.error(error)
    this.settle()
  }

  release(): void {
    if (this.sink.isOver) return
    this.released = true
    this.settle()
  }

  read(): Buffer | undefined {
    return this.opened ? this.output() : undefined
  }

  countUsage(): Promise<void> {
    return this.counting ?? this.countNow()
  }

  private async countNow(): Promise<void> {
    const { sink, count } = this
    if (count === undefined || sink.lastUsage !== undefined) return
    // An answer that failed before it said anything was none.
    if (sink.state === 'failed' && !sink.delta && sink.ownPrompt === undefined) return
    // Whatever goes wrong with a count, the answer ends.
    sink.counted(await count(sink).catch(() => undefined))
    if (sink.state === 'ended') this.settle()
  }

  private settle(): void {
    const { state, delta } = this.sink
    if (state === 'counting') this.counting ??= this.countNow()
    if (this.opensAt === 'end' ? state === 'ended' : delta || this.released) this.opened = true
    if (state === 'ended') this.state = 'done'
    else if (state === 'failed') this.state = 'failed'
    else if (this.opened) this.state = 'open'
  }
}

/** What a client may see of an exception: of one that nobody expected nothing. The log finds it as the cause. */
function asChatError(thrown: unknown): ChatError {
  if (thrown instanceof ChatError) return thrown
  const error =
    thrown instanceof FrameError
      ? ChatError.badUpstream(thrown.message, thrown.code)
      : new ChatError(500, "the provider's answer could not be translated", { code: 'translation_failed' })
  error.cause = thrown
  return error
}
