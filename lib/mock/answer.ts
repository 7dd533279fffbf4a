import type { Ask, AskedTool } from './api.js'
import { sample } from './sample.js'

/** What the mock answers, before any API puts it in its own words. */
export interface Answer {
  /** A number of its own, for ids. */
  serial: number
  /** Unix seconds. */
  created: number
  choices: Choice[]
  /** Undefined where a fault keeps it back. */
  usage: MockUsage | undefined
}

export interface Choice {
  pieces: Piece[]
  finish: 'stop' | 'length' | 'tools'
  /** The stop sequence that ended the text. */
  stopSequence: string | null
  text: string
  reasoning: string
  calls: Call[]
}

/** What a model gives at a time: one token. */
export type Piece =
  | { type: 'reasoning'; text: string }
  | { type: 'text'; text: string }
  | { type: 'tool'; call: number; id: string; name: string }
  | { type: 'args'; call: number; text: string }

export interface Call {
  id: string
  name: string
  /** JSON text, cut short where the answer was. */
  args: string
}

export interface MockUsage {
  prompt: number
  /** Reasoning included. */
  completion: number
  reasoning: number
}

const REASONING = 'The user wants an answer; a short and friendly one will do.'
const ECHO_LENGTH = 80
const MAX_CHOICES = 128

/** Stands for the signature of a reasoning. */
export const SIGNATURE = 'bW9jayBzaWduYXR1cmU='

/** The same ask gives the same answer but for `serial` and `created`. */
export function answerTo(ask: Ask, serial: number): Answer {
  const choices = ask.questions.flatMap((question) =>
    Array.from({ length: Math.min(ask.choices, MAX_CHOICES) }, (_, take) =>
      choiceFor(ask, question, take, serial),
    ),
  )
  const pieces = choices.flatMap((choice) => choice.pieces)
  return {
    serial,
    created: Math.floor(Date.now() / 1000),
    choices,
    usage: {
      prompt: ask.prompt.reduce((sum, text) => sum + tokens(text).length, 0),
      completion: pieces.length,
      reasoning: pieces.filter((piece) => piece.type === 'reasoning').length,
    },
  }
}

/** Cuts a text into what the mock takes for tokens: at most eight characters, with the white space before them. */
export function tokens(text: string): string[] {
  return text.match(/\s*\S{1,8}|\s+$/gu) ?? []
}

function choiceFor(ask: Ask, question: string, take: number, serial: number): Choice {
  const calls = callsFor(ask, question, `${serial}_${take}`)
  const full =
    calls.length > 0
      ? `I will call ${calls.map((call) => call.name).join(' and ')}.`
      : textFor(ask, question, take)
  const stop = firstStop(full, ask.stop)
  const said = stop ? full.slice(0, stop.at) : full
  const whole: Piece[] = [
    ...tokens(ask.reasoning ? REASONING : '').map((text): Piece => ({ type: 'reasoning', text })),
    ...tokens(said).map((text): Piece => ({ type: 'text', text })),
    ...(stop ? [] : calls.flatMap(callPieces)),
  ]
  const pieces = whole.slice(0, ask.maxTokens)
  const cut = pieces.length < whole.length
  return {
    pieces,
    finish: cut ? 'length' : calls.length > 0 && !stop ? 'tools' : 'stop',
    stopSequence: stop && !cut ? stop.sequence : null,
    ...assemble(pieces),
  }
}

function textFor(ask: Ask, question: string, take: number): string {
  if (ask.json) return JSON.stringify(sample(ask.json))
  const greeting = take === 0 ? 'Hello' : `Hello once more (${take + 1})`
  const heard =
    ask.toolResult === undefined ? `You said “${echo(question)}”` : `The tool said “${echo(ask.toolResult)}”`
  return `${greeting} from the mock provider! 👋 ${heard}. No model was asked, yet the stream is real: naïve, 你好, здравствуйте.`
}

/** The offered tools that the user names, else the first one; none when the last message is a tool's result. */
function callsFor(ask: Ask, question: string, id: string): Call[] {
  const { tools, toolChoice } = ask
  if (tools.length === 0 || toolChoice === 'none') return []
  if (toolChoice === 'auto' && ask.toolResult !== undefined) return []
  const named = tools.filter((tool) =>
    typeof toolChoice === 'object' ? tool.name === toolChoice.name : question.includes(tool.name),
  )
  const called = named.length > 0 ? named : tools.slice(0, 1)
  return (ask.parallelTools ? called : called.slice(0, 1)).map((tool, call) => callOf(tool, `${id}_${call}`))
}

function callOf(tool: AskedTool, id: string): Call {
  return {
    id: `call_mock_${id}`,
    name: tool.name,
    args: JSON.stringify(sample({ type: 'object', ...tool.parameters })),
  }
}

function callPieces({ id, name, args }: Call, call: number): Piece[] {
  return [
    { type: 'tool', call, id, name },
    ...tokens(args).map((text): Piece => ({ type: 'args', call, text })),
  ]
}

function assemble(pieces: Piece[]): Pick<Choice, 'text' | 'reasoning' | 'calls'> {
  const whole = { text: '', reasoning: '', calls: [] as Call[] }
  for (const piece of pieces) {
    if (piece.type === 'tool') whole.calls.push({ id: piece.id, name: piece.name, args: '' })
    else if (piece.type === 'args') whole.calls[piece.call]!.args += piece.text
    else whole[piece.type] += piece.text
  }
  return whole
}

function firstStop(text: string, sequences: string[]): { at: number; sequence: string } | undefined {
  return sequences
    .filter((sequence) => sequence !== '')
    .map((sequence) => ({ at: text.indexOf(sequence), sequence }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)[0]
}

function echo(said: string): string {
  const characters = Array.from(said.trim().replaceAll(/\s+/g, ' '))
  return characters.length > ECHO_LENGTH
    ? `${characters.slice(0, ECHO_LENGTH).join('')}…`
    : characters.join('')
}
