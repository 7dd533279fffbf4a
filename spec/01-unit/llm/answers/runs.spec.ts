import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameIntake } from '../../../../lib/llm/answers/intake.js'
import type { StreamTranslator } from '../../../../lib/llm/driver.js'
import { MessagesTranslator } from '../../../../lib/llm/drivers/anthropic/stream.js'
import { ConverseTranslator } from '../../../../lib/llm/drivers/bedrock/stream.js'
import { ChatTranslator } from '../../../../lib/llm/drivers/cohere/stream.js'
import { GenerateContentTranslator } from '../../../../lib/llm/drivers/gemini/stream.js'
import { ChatReader } from '../../../../lib/llm/formats/chat-read.js'
import { ChunkTranslator } from '../../../../lib/llm/formats/chunk-translator.js'
import type { FrameFormat } from '../../../../lib/llm/frames/frame.js'
import { frameReaders } from '../../../../lib/llm/frames/index.js'
import type { Sink } from '../../../../lib/llm/sink.js'
import { awsMessage } from '../../../support/aws-event-stream.js'
import { type Cut, seededCuts } from '../../../support/cuts.js'
import { type Call, RecordingSink } from '../../../support/recording-sink.js'

interface Api {
  format: FrameFormat
  translator: (sink: Sink) => StreamTranslator
  start: string[]
  /** Frames with `#` for a text, alike and not. */
  frames: string[]
}

const messagesDelta = (index: number, type: string, field: string) =>
  `{"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":"#"}}`
const messagesStart = (index: number, block: string) =>
  `{"type":"content_block_start","index":${index},"content_block":{${block}}}`

const APIS: Record<string, Api> = {
  anthropic: {
    format: 'sse',
    translator: (sink) => new MessagesTranslator(sink),
    start: [
      '{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":1,"output_tokens":1}}}',
      messagesStart(0, '"type":"text","text":""'),
      messagesStart(1, '"type":"thinking","thinking":""'),
      messagesStart(2, '"type":"tool_use","id":"t","name":"f","input":{}'),
    ],
    frames: [
      messagesDelta(0, 'text_delta', 'text'),
      messagesDelta(1, 'thinking_delta', 'thinking'),
      messagesDelta(1, 'signature_delta', 'signature'),
      messagesDelta(2, 'input_json_delta', 'partial_json'),
      messagesDelta(9, 'text_delta', 'text'),
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x","text":"#"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"#","text":"x"}}',
      '{"type": "content_block_delta", "index": 0, "delta": {"text": "#", "type": "text_delta"}}',
      '{"type":"content_block_stop","index":0}',
      messagesStart(0, '"type":"text","text":"#"'),
      messagesStart(0, '"type":"server_tool_use","id":"#"'),
      '{"type":"ping"}',
      '{"type":"unknown","text":"#"}',
      '{"type":"message_delta","delta":{"stop_reason":"#"},"usage":{"output_tokens":5}}',
      '{"type":"error","error":{"type":"overloaded_error","message":"#"}}',
    ],
  },
  gemini: {
    format: 'sse',
    translator: (sink) => new GenerateContentTranslator(sink),
    start: ['{"usageMetadata":{"promptTokenCount":9},"responseId":"r"}'],
    frames: [
      '{"candidates":[{"content":{"parts":[{"text":"#"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5},"modelVersion":"g","responseId":"r"}',
      '{"candidates":[{"content":{"parts":[{"text":"#","thought":true}]},"index":1}]}',
      '{"candidates":[{"content":{"parts":[{"text":"#"},{"text":"more"}]}}]}',
      '{"candidates":[{"content":{"parts":[{"text":"#","thoughtSignature":"s"}]}}]}',
      '{"candidates":[{"content":{"parts":[{"text":"x","thoughtSignature":"#"}]}}]}',
      '{"candidates":[{"content":{"parts":[{"text":"#"}]},"citationMetadata":{"citations":[{"uri":"u"}]}}]}',
      '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"#"}}}]}}]}',
      '{"candidates":[{"content":{"parts":[{"text":"#"}]},"finishReason":"STOP"}]}',
      '{"candidates":[{"content":{"parts":[{"text":"#"}]}},{"content":{"parts":[{"text":"other"}]}}]}',
      '{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":6}}',
      '{"promptFeedback":{"blockReason":"#"}}',
      '{"unknown":"#"}',
    ],
  },
  bedrock: {
    format: 'aws-event-stream',
    translator: (sink) => new ConverseTranslator(sink),
    start: ['{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}'],
    frames: [
      '{"contentBlockIndex":0,"delta":{"text":"#"},"p":"abc"}',
      '{"contentBlockIndex":0,"delta":{"text":"#"},"p":"abcdefgh"}',
      '{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":"#"}}}',
      '{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":"#","signature":"s"}}}',
      '{"contentBlockIndex":1,"delta":{"reasoningContent":{"signature":"#"}}}',
      '{"contentBlockIndex":2,"delta":{"toolUse":{"input":"#"}}}',
      '{"contentBlockIndex":9,"delta":{"toolUse":{"input":"#"}}}',
      '{"contentBlockIndex":0,"delta":{"citation":{"title":"#"}}}',
      '{"contentBlockIndex":0,"delta":{"text":"#","text":"x"}}',
    ],
  },
  cohere: {
    format: 'sse',
    translator: (sink) => new ChatTranslator(sink),
    start: [
      '{"type":"message-start","id":"c"}',
      '{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","function":{"name":"f","arguments":""}}}}}',
    ],
    frames: [
      '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"#"}}}}',
      '{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"#"}}}}',
      '{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"x","text":"#"}}}}',
      '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"#"}}},"logprobs":{"text":"x","logprobs":[-1]}}',
      '{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"#"}}}',
      '{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"#"}}}}}',
      '{"type":"tool-call-end","index":0}',
      '{"type":"citation-start","index":0,"delta":{"message":{"citations":{"text":"#"}}}}',
      '{"type":"unknown","text":"#"}',
    ],
  },
  'a server in OpenAI format': {
    format: 'sse',
    translator: (sink) => new ChunkTranslator(new ChatReader(sink), sink),
    start: [],
    frames: [
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"},"finish_reason":null}],"usage":null,"obfuscation":"aB3"}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"},"finish_reason":null}],"usage":null,"obfuscation":"aB3xyz"}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"},"finish_reason":null}],"usage":null}',
      '{"id":"c","choices":[{"index":1,"delta":{"content":"#"},"finish_reason":null}],"usage":null}',
      '{"id":"c","choices":[{"index":0,"delta":{"reasoning_content":"#"},"finish_reason":null}]}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"},"finish_reason":"stop"}]}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"},"logprobs":{"content":[{"token":"x"}]}}]}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"x","content":"#"}}]}',
      '{"id":"c","choices":[{"index":0,"delta":{"content":"#"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
      '{"choices":[{"index":0,"delta":{"content":"x"}}],"id":"#"}',
      '[DONE]',
    ],
  },
}

/** Frames of a stream as long as any model's. */
const LONG = 20_000

interface Heard {
  calls: Call[]
  frames: number
  unknownFrames: number
  failure: unknown
}

function heard(
  sink: RecordingSink,
  translator: StreamTranslator,
  frames: () => number,
  go: () => void,
): Heard {
  let failure: unknown
  try {
    go()
  } catch (thrown) {
    failure = thrown
  }
  return {
    calls: withoutRepeats(sink.calls),
    frames: frames(),
    unknownFrames: translator.unknownFrames,
    failure,
  }
}

/** Usage that is what it was already is no news. */
function withoutRepeats(calls: Call[]): Call[] {
  let last = ''
  return calls.filter(([method, usage]) => {
    if (method !== 'usage') return true
    const repeated = JSON.stringify(usage) === last
    last = JSON.stringify(usage)
    return !repeated
  })
}

function shortWay({ format, translator: make }: Api, cut: Cut): Heard {
  const sink = new RecordingSink()
  const translator = make(sink)
  const intake = new FrameIntake(format, translator)
  return heard(
    sink,
    translator,
    () => intake.frames,
    () => {
      for (const bytes of cut) intake.push(bytes)
      intake.end()
    },
  )
}

function longWay({ format, translator: make }: Api, bytes: Buffer): Heard {
  const sink = new RecordingSink()
  const translator = make(sink)
  let frames = 0
  const reader = frameReaders[format]((frame) => {
    frames++
    translator.frame(frame)
  })
  return heard(
    sink,
    translator,
    () => frames,
    () => {
      reader.push(bytes)
      reader.end()
      translator.end()
    },
  )
}

function write({ format }: Api, data: string, lineEnd: string): Buffer {
  if (format === 'sse') return Buffer.from(`data: ${data}${lineEnd}${lineEnd}`)
  const type = data.includes('"start"') ? 'contentBlockStart' : 'contentBlockDelta'
  return awsMessage({ ':message-type': 'event', ':event-type': type }, data)
}

const asciiEscapes = (json: string) =>
  json.replaceAll(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** A text inside a JSON string, in one of the ways in which it may be written; now and then one that is no JSON. */
const inside = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(' the', ' answer', '', 'x', 'text', 'text_delta', 'stop') },
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text).slice(1, -1)) },
  {
    weight: 2,
    arbitrary: fc.string({ unit: 'binary' }).map((text) => asciiEscapes(JSON.stringify(text).slice(1, -1))),
  },
  { weight: 1, arbitrary: fc.constantFrom('\\"', '\\/', '\\u12', '\\x', '"', '","text":"y', '\\', '\t') },
)

describe.each(Object.entries(APIS))('a run of frames of %s', (_, api) => {
  /** Runs of one sort of frame, as streams have them. */
  const runs = fc.array(
    fc.tuple(
      fc.oneof({ weight: 2, arbitrary: fc.constant(api.frames[0]!) }, fc.constantFrom(...api.frames)),
      fc.array(inside, { minLength: 1, maxLength: 6 }),
    ),
    { maxLength: 8 },
  )

  it('is said as the long way says it, whatever the texts, the escapes, the order and the cuts', () => {
    fc.assert(
      fc.property(runs, fc.constantFrom('\n', '\n', '\r\n', '\r'), fc.nat(), (streamed, lineEnd, seed) => {
        const frames = streamed.flatMap(([frame, texts]) =>
          texts.map((text) => frame.replace('#', () => text)),
        )
        const bytes = Buffer.concat([...api.start, ...frames].map((data) => write(api, data, lineEnd)))
        const expected = longWay(api, bytes)
        for (const cut of [[bytes], ...seededCuts(bytes, seed, 2)])
          expect(shortWay(api, cut)).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('takes the short way, however long the stream is', () => {
    const texts = Array.from({ length: LONG }, (__, n) => `t${n}`)
    const frames = texts.map((text) => api.frames[0]!.replace('#', text))
    const sink = new RecordingSink()
    const translator = api.translator(sink)
    let parsed = 0
    const counting: StreamTranslator = {
      unknownFrames: 0,
      frame(frame) {
        parsed++
        return translator.frame(frame)
      },
      end: () => {},
    }
    const intake = new FrameIntake(api.format, counting)
    for (const data of [...api.start, ...frames]) intake.push(write(api, data, '\n'))
    expect(parsed).toBe(api.start.length + 1)
    expect(intake.frames).toBe(api.start.length + LONG)
    expect(sink.of('text').map(([, text]) => text)).toEqual(texts)
  })
})
