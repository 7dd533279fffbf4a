import type { Frame } from '../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../lib/llm/json.js'
import { frameOf } from './anthropic.js'
import { object, objects } from './json.js'

export const RECORDINGS = [
  'anthropic-text',
  'anthropic-clear-thinking.1',
  'anthropic-json-tool.1',
  'anthropic-tool-no-args',
]

export const START: JsonObject = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 5, output_tokens: 1 } },
}
export const STOP: JsonObject = { type: 'message_stop' }

export function open(index: number, content_block: JsonObject): JsonObject {
  return { type: 'content_block_start', index, content_block }
}
export function delta(index: number, piece: JsonObject): JsonObject {
  return { type: 'content_block_delta', index, delta: piece }
}
export function close(index: number): JsonObject {
  return { type: 'content_block_stop', index }
}
export function finish(stop_reason: string, usage: JsonObject = { output_tokens: 9 }): JsonObject {
  return { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }
}
/** The stream in which the API would have sent the answer, its strings in pieces of `longest` code units. */
export function framesOf(body: JsonObject, longest: number, pings: boolean): Frame[] {
  const { content, stop_reason, usage, ...meta } = body
  const blocks = objects(content)
  const events = [
    {
      type: 'message_start',
      message: { ...meta, content: [], usage: { ...object(usage), output_tokens: 1 } },
    },
    ...blocks.flatMap((whole, index) => {
      const { start, deltas } = inPieces(whole, longest)
      return [open(index, start), deltas.map((piece) => delta(index, piece)), close(index)].flat()
    }),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    STOP,
  ] as JsonObject[]
  return events.flatMap((event) => (pings ? [event, { type: 'ping' }] : [event])).map(frameOf)
}

function inPieces(whole: JsonObject, longest: number): { start: JsonObject; deltas: JsonObject[] } {
  const cut = (value: unknown): string[] => String(value).match(new RegExp(`[^]{1,${longest}}`, 'g')) ?? []
  switch (whole.type) {
    case 'text': {
      const { citations = [] } = whole
      return {
        start: { type: 'text', text: '' },
        deltas: [
          ...cut(whole.text).map((text) => ({ type: 'text_delta', text })),
          ...objects(citations).map((citation) => ({ type: 'citations_delta', citation })),
        ],
      }
    }
    case 'thinking':
      return {
        start: { type: 'thinking', thinking: '', signature: '' },
        deltas: [
          ...cut(whole.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature: whole.signature },
        ],
      }
    case 'tool_use': {
      const args = Object.keys(object(whole.input)).length > 0 ? JSON.stringify(whole.input) : ''
      return {
        start: { ...whole, input: {} },
        deltas: ['', ...cut(args)].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      }
    }
    default:
      return { start: whole, deltas: [] }
  }
}
