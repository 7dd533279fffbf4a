import type { JsonObject } from '../lib/llm/json.js'
import { encodeMessage } from '../lib/mock/aws-event-stream.js'

/** The wire formats that the mock speaks, as their providers write them. */
export type Provider = 'openai' | 'anthropic' | 'gemini' | 'bedrock'

/** One answer of a provider, ready to be written. */
export interface Recording {
  readonly contentType: string
  readonly head: Buffer
  /** A frame with one token. */
  readonly token: (text: string) => Buffer
  readonly tail: Buffer
}

const WORDS = [' the', ' answer', ' of', ' a', ' model', ' is', ' made', ' of', ' small', ' pieces']

/** The text of the token at a place of an answer. */
export function word(place: number): string {
  return WORDS[place % WORDS.length]!
}

const CREATED = 1_760_000_000

/** A whole, unstreamed chat completion. */
export const WHOLE_ANSWER = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-CRr1VfLZSjyXjZCkbqHyMg7kLJ5Yd',
    object: 'chat.completion',
    created: CREATED,
    model: 'gpt-4.1-mini-2025-04-14',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Streams are answers that begin before they end.',
          refusal: null,
          annotations: [],
        },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 14,
      completion_tokens: 10,
      total_tokens: 24,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    service_tier: 'default',
    system_fingerprint: 'fp_4c2851f862',
  }),
)

function openaiChunk(delta: object, finish: string | null): string {
  const choice = { index: 0, delta, logprobs: null, finish_reason: finish }
  return openaiEvent({ choices: [choice], usage: null, obfuscation: 'q7Xv2LmN' })
}

function openaiEvent(rest: object): string {
  const chunk = {
    id: 'chatcmpl-CRr1VfLZSjyXjZCkbqHyMg7kLJ5Yd',
    object: 'chat.completion.chunk',
    created: CREATED,
    model: 'gpt-4.1-mini-2025-04-14',
    service_tier: 'default',
    system_fingerprint: 'fp_4c2851f862',
    ...rest,
  }
  return `data: ${JSON.stringify(chunk)}\n\n`
}

function anthropicEvent(data: JsonObject & { type: string }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

function geminiEvent(text: string, finish?: string): string {
  const candidate = {
    content: { parts: [{ text }], role: 'model' },
    ...(finish !== undefined && { finishReason: finish }),
    index: 0,
  }
  const usageMetadata = {
    promptTokenCount: 14,
    candidatesTokenCount: 200,
    totalTokenCount: 214,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 14 }],
  }
  const response = {
    candidates: [candidate],
    usageMetadata,
    modelVersion: 'gemini-2.0-flash',
    responseId: 'kLz0aM',
  }
  return `data: ${JSON.stringify(response)}\r\n\r\n`
}

function bedrockEvent(type: string, payload: object): Buffer {
  const headers = { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }
  return encodeMessage(headers, Buffer.from(JSON.stringify({ ...payload, p: 'abcdefghijkl' })))
}

const SSE = 'text/event-stream; charset=utf-8'

/** What each provider's stream consists of. */
export const recordings: Readonly<Record<Provider, Recording>> = {
  openai: {
    contentType: SSE,
    head: Buffer.from(openaiChunk({ role: 'assistant', content: '', refusal: null }, null)),
    token: (text) => Buffer.from(openaiChunk({ content: text }, null)),
    tail: Buffer.from(
      openaiChunk({}, 'stop') +
        openaiEvent({
          choices: [],
          usage: { prompt_tokens: 14, completion_tokens: 200, total_tokens: 214 },
          obfuscation: 'q7',
        }) +
        'data: [DONE]\n\n',
    ),
  },
  anthropic: {
    contentType: SSE,
    head: Buffer.from(
      anthropicEvent({
        type: 'message_start',
        message: {
          id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
          type: 'message',
          role: 'assistant',
          model: 'claude-sonnet-4-5-20250929',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 14, output_tokens: 1 },
        },
      }) +
        anthropicEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
        anthropicEvent({ type: 'ping' }),
    ),
    token: (text) =>
      Buffer.from(
        anthropicEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
      ),
    tail: Buffer.from(
      anthropicEvent({ type: 'content_block_stop', index: 0 }) +
        anthropicEvent({
          type: 'message_delta',
          delta: { stop_reason: 'end_turn', stop_sequence: null },
          usage: { input_tokens: 14, output_tokens: 200 },
        }) +
        anthropicEvent({ type: 'message_stop' }),
    ),
  },
  gemini: {
    contentType: 'text/event-stream',
    head: Buffer.alloc(0),
    token: (text) => Buffer.from(geminiEvent(text)),
    tail: Buffer.from(geminiEvent('.', 'STOP')),
  },
  bedrock: {
    contentType: 'application/vnd.amazon.eventstream',
    head: bedrockEvent('messageStart', { role: 'assistant' }),
    token: (text) => bedrockEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text } }),
    tail: Buffer.concat([
      bedrockEvent('contentBlockStop', { contentBlockIndex: 0 }),
      bedrockEvent('messageStop', { stopReason: 'end_turn' }),
      bedrockEvent('metadata', {
        usage: { inputTokens: 14, outputTokens: 200, totalTokens: 214 },
        metrics: { latencyMs: 900 },
      }),
    ]),
  },
}

const STAMP_DIGITS = 16

/** The clock that all programs of one machine share, in microseconds. */
export function sharedClock(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + Math.floor(nanoseconds / 1000)
}

/** A token that says when it was sent. Always of the same length. */
export function stampedWord(): string {
  return ` @${String(sharedClock()).padStart(STAMP_DIGITS, '0')}`
}

/** When a stamped token was sent. */
export const STAMP = /@(\d{16})/g
