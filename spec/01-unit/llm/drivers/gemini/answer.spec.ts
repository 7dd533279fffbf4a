import { describe, expect, it } from 'vitest'
import { gemini } from '../../../../../lib/llm/drivers/gemini/index.js'
import type { Frame } from '../../../../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { byteByByte, everyCut, seededCuts } from '../../../../support/cuts.js'
import {
  DriverHarness,
  fixtureBytes,
  fixtureLines,
  fixtureObject,
  framesOf,
  onlyError,
} from '../../../../support/driver-harness.js'

const driver = new DriverHarness(gemini, { model: 'gemini-2.5-flash', options: {}, stream: true })
const RECORDED = ['google-text', 'google-reasoning', 'google-tool-call']

describe('Gemini, recorded answers', () => {
  it('streams text, then the finish and the end', () => {
    const { calls } = driver.stream(recorded('google-text'))
    expect(calls.filter(([method]) => method !== 'usage' && method !== 'extra')).toEqual([
      ['start', { id: 'bH6LaZW8Fp_3nsEPqtaSwQ4', model: 'gemini-3-pro-preview' }],
      ['text', 0, 'There are **3**'],
      ['text', 0, ' "r"s in strawberry.\n\nst**r**awbe**rr**y'],
      ['finish', 0, 'stop'],
      ['done'],
    ])
  })

  it('takes the last usage, thoughts among the completion', () => {
    expect(driver.stream(recorded('google-text')).of('usage').at(-1)).toEqual([
      {
        prompt_tokens: 9,
        completion_tokens: 208,
        total_tokens: 217,
        completion_tokens_details: { reasoning_tokens: 185 },
      },
    ])
  })

  it('keeps the signature of the text', () => {
    const [extra] = driver.stream(recorded('google-reasoning')).of('extra')
    expect(extra).toEqual([
      0,
      'extra_content',
      { google: { thought_signature: expect.stringMatching(/^Eo0H/) } },
    ])
  })

  it('makes an id for a call that has none, of the answer it belongs to', () => {
    const sink = driver.stream(recorded('google-tool-call'))
    expect(sink.of('toolStart')).toEqual([
      [
        0,
        0,
        'call_b36LacjwM668nsEP2tbsgQQ_0_0',
        'weather',
        { google: { thought_signature: expect.any(String) } },
      ],
    ])
    expect(sink.of('toolArgs')).toEqual([[0, 0, '{"location":"San Francisco"}']])
    expect(driver.accumulated(recorded('google-tool-call'))).toMatchObject({
      choices: [{ finish_reason: 'tool_calls' }],
    })
  })

  it.each(RECORDED)('says the same of %s as server-sent events and as an array, under every cut', (name) => {
    const lines = fixtureLines(`recorded/gemini/${name}.chunks.txt`)
    const expected = driver.stream(recorded(name)).calls
    const sse = Buffer.from(lines.map((line) => `data: ${JSON.stringify(line)}\r\n\r\n`).join(''))
    const array = Buffer.from(`[${lines.map((line) => JSON.stringify(line, null, 2)).join('\n,\r\n')}]\n`)
    for (const [format, bytes] of [
      ['sse', sse],
      ['json-array', array],
    ] as const) {
      for (const cut of everyCut(bytes)) expect(driver.stream(framesOf(format, cut)).calls).toEqual(expected)
      for (const cut of seededCuts(bytes, 5, 20))
        expect(driver.stream(framesOf(format, cut)).calls).toEqual(expected)
      expect(driver.stream(framesOf(format, byteByByte(bytes))).calls).toEqual(expected)
    }
  })

  it.each(RECORDED)('answers %s, not streamed, in one body', (name) => {
    const body = driver.answered(fixtureObject(`recorded/gemini/${name}.json`))
    expect(body).toMatchObject({ object: 'chat.completion', model: 'gemini-3-pro-preview' })
    expect(body.choices).toHaveLength(1)
  })

  it("reads Kong's recorded call, whose array came in three pieces", () => {
    const pieces: string[] = JSON.parse(
      fixtureBytes('kong/embedded/streams/gemini-chat-functions-good.chunks.json').toString('utf8'),
    )
    const frames = framesOf(
      'json-array',
      pieces.map((piece) => Buffer.from(piece)),
    )
    const { choices, usage } = driver.accumulated(frames) as { choices: unknown; usage: unknown }
    expect(choices).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: {
          tool_calls: [{ type: 'function', function: { name: 'add', arguments: '{"a":2,"b":12}' } }],
        },
      },
    ])
    expect(usage).toMatchObject({ prompt_tokens: 47, completion_tokens: 3, total_tokens: 50 })
  })

  it.each([
    ['kong/gemini/llm-v1-chat/responses/good.json', 'Everything is okay.', 13],
    [
      'kong/unit/real-responses/gemini/llm-v1-chat.json',
      'Ah, vous voulez savoir le double de ce résultat\u00a0? Eh bien, le double de 2 est **4**. \n',
      142,
    ],
  ])('reads %s', (path, content, total) => {
    expect(driver.answered(fixtureObject(path))).toMatchObject({
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { total_tokens: total },
    })
  })

  it('tells a filtered answer from an empty one', () => {
    expect(
      driver.answered(fixtureObject('kong/gemini/llm-v1-chat/responses/fails_safety.json')),
    ).toMatchObject({
      choices: [{ index: 0, finish_reason: 'content_filter' }],
      usage: { prompt_tokens: 319, completion_tokens: 0, total_tokens: 319 },
    })
  })

  it('reads a whole answer whose call has neither id nor answer id', () => {
    const body = fixtureObject('kong/embedded/samples/sample-gemini-tools-response.json')
    const [[, , id, name] = []] = driver.response(body).of('toolStart')
    expect(id).toMatch(/^call_\w{32}_0_0$/)
    expect(name).toBe('sql_execute')
  })
})

describe('Gemini, what comes', () => {
  /** Every kind of part, split as a stream would. */
  const PARTS: JsonObject[] = [
    { text: 'Let me ', thought: true },
    { text: 'think.', thought: true },
    { text: 'Two ' },
    { text: 'calls.' },
    { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
    { executableCode: { language: 'PYTHON', code: 'print(1)' } },
    { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1' } },
    { functionCall: { id: 'own', name: 'f', args: { a: [], b: {}, c: 'é' } }, thoughtSignature: 'S' },
    { functionCall: { name: 'g' } },
  ]

  it('says every part in its own words', () => {
    const { calls } = driver.stream(
      [frame({ responseId: 'r', candidates: [{ content: { parts: PARTS } }] })],
      false,
    )
    expect(calls).toEqual([
      ['start', { id: 'r' }],
      ['reasoning', 0, 'Let me '],
      ['reasoning', 0, 'think.'],
      ['text', 0, 'Two '],
      ['text', 0, 'calls.'],
      ['extra', 0, 'images', [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]],
      ['extra', 0, 'code_execution', [PARTS[5]]],
      ['extra', 0, 'code_execution', [PARTS[6]]],
      ['toolStart', 0, 0, 'own', 'f', { google: { thought_signature: 'S' } }],
      ['toolArgs', 0, 0, '{"a":[],"b":{},"c":"é"}'],
      ['toolStart', 0, 1, 'call_r_0_1', 'g', undefined],
      ['toolArgs', 0, 1, '{}'],
    ])
  })

  it('adds a stream up to the same answer as it is unstreamed', () => {
    const end = { usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2, totalTokenCount: 3 } }
    const whole = {
      responseId: 'r',
      candidates: [{ content: { parts: PARTS }, finishReason: 'STOP' }],
      ...end,
    }
    const pieces = PARTS.map((part) => ({ responseId: 'r', candidates: [{ content: { parts: [part] } }] }))
    const last = { responseId: 'r', candidates: [{ finishReason: 'STOP' }], ...end }
    expect(driver.accumulated([...pieces, last].map(frame))).toEqual(driver.answered(whole))
  })

  it('keeps several candidates apart', () => {
    const frames = [
      frame({ candidates: [text('a', { index: 0 }), text('x', { index: 1 })] }),
      frame({ candidates: [text('y', { index: 1, finishReason: 'MAX_TOKENS' })] }),
      frame({ candidates: [text('b', { index: 0, finishReason: 'STOP' })] }),
    ]
    expect(driver.accumulated(frames)).toMatchObject({
      choices: [
        { index: 0, message: { content: 'ab' }, finish_reason: 'stop' },
        { index: 1, message: { content: 'xy' }, finish_reason: 'length' },
      ],
    })
  })

  it('goes on where an older model names a finish reason with every piece', () => {
    const frames = framesOf('json-array', [
      fixtureBytes('kong/unit/streaming-chunk-formats/partial-json-split/input-1.bin'),
      fixtureBytes('kong/unit/streaming-chunk-formats/partial-json-split/input-2.bin'),
      Buffer.from(']'),
    ])
    const expected = fixtureBytes('kong/unit/streaming-chunk-formats/partial-json-split/expected-output.bin')
    expect(driver.accumulated(frames)).toMatchObject({
      choices: [{ message: { content: expected.toString('utf8') }, finish_reason: 'stop' }],
      usage: { total_tokens: 71 },
    })
  })

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['LANGUAGE', 'content_filter'],
    ['MODEL_ARMOR', 'content_filter'],
    ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
    ['IMAGE_RECITATION', 'content_filter'],
    ['OTHER', 'stop'],
    ['constructor', 'stop'],
  ])('finishes %s as %s, after the body has ended', (finishReason, expected) => {
    const frames = [frame({ candidates: [text('a', { finishReason })] })]
    expect(driver.stream(frames, false).of('finish')).toEqual([])
    expect(driver.stream(frames).calls.slice(-2)).toEqual([['finish', 0, expected], ['done']])
  })

  it('takes a whole answer without a finish reason as finished: JSON leaves the default of an enumeration out', () => {
    expect(driver.response({ candidates: [text('a')] }).of('finish')).toEqual([[0, 'stop']])
  })

  it.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'MISSING_THOUGHT_SIGNATURE'])(
    'fails on %s, of which nothing can be made',
    (finishReason) => {
      const frames = [frame({ candidates: [{ finishReason, finishMessage: 'print(' }] })]
      expect(onlyError(driver.stream(frames))).toMatchObject({
        status: 502,
        code: finishReason.toLowerCase(),
        message: `print( (${finishReason})`,
      })
    },
  )

  it('counts what tools of its own added to the prompt, and what was cached', () => {
    const usageMetadata = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 5,
      cachedContentTokenCount: 4,
      candidatesTokenCount: 3,
      thoughtsTokenCount: 2,
    }
    expect(driver.stream([frame({ usageMetadata })], false).of('usage')).toEqual([
      [
        {
          prompt_tokens: 15,
          completion_tokens: 5,
          total_tokens: 20,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 2 },
        },
      ],
    ])
  })

  it('says nothing of a usage that counted nothing yet', () => {
    expect(
      driver.stream([frame({ usageMetadata: { trafficType: 'ON_DEMAND' } })], false).of('usage'),
    ).toEqual([])
  })

  it('gives log probabilities in the form of OpenAI', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'é', tokenId: 1, logProbability: -0.5 }],
      topCandidates: [
        {
          candidates: [
            { token: 'é', logProbability: -0.5 },
            { token: 'e', logProbability: -1 },
          ],
        },
      ],
    }
    expect(
      driver.stream([frame({ candidates: [text('é', { logprobsResult })] })], false).of('logprobs'),
    ).toEqual([
      [
        0,
        [
          {
            token: 'é',
            logprob: -0.5,
            bytes: [0xc3, 0xa9],
            top_logprobs: [
              { token: 'é', logprob: -0.5, bytes: [0xc3, 0xa9] },
              { token: 'e', logprob: -1, bytes: [0x65] },
            ],
          },
        ],
      ],
    ])
  })

  it('keeps the sources of an answer', () => {
    const sources = [{ startIndex: 0, endIndex: 3, uri: 'https://x.example' }]
    const groundingMetadata = { webSearchQueries: ['x'] }
    const sink = driver.stream(
      [
        frame({ candidates: [text('a', { citationMetadata: { citationSources: sources } })] }),
        frame({ candidates: [text('b', { citationMetadata: { citations: sources }, groundingMetadata })] }),
      ],
      false,
    )
    expect(sink.of('extra')).toEqual([
      [0, 'citations', sources],
      [0, 'citations', sources],
      [0, 'grounding_metadata', groundingMetadata],
    ])
  })

  it('takes the time of the answer where it is told', () => {
    const sink = driver.stream([frame({ createTime: '2025-02-20T21:58:56.381597Z', candidates: [] })], false)
    expect(sink.of('start')).toEqual([[{ created: 1740088736 }]])
  })

  it('makes no call of a part that names no function, and takes no empty id', () => {
    const parts = [
      { functionCall: {} },
      { functionCall: { name: '' } },
      { functionCall: { id: '', name: 'f' } },
    ]
    const sink = driver.stream([frame({ responseId: '', candidates: [{ content: { parts } }] })], false)
    expect(sink.of('start')).toEqual([[{}]])
    expect(sink.of('toolStart')).toEqual([[0, 0, expect.stringMatching(/^call_\w{32}_0_0$/), 'f', undefined]])
  })

  it('knows every frame of a recorded stream', () => {
    for (const name of RECORDED) expect(driver.unknownFrames(recorded(name))).toBe(0)
    const blocked = frame({ promptFeedback: { blockReason: 'OTHER' } })
    expect(driver.unknownFrames([blocked])).toBe(0)
    expect(driver.unknownFrames([frame({ error: { code: 500 } }), frame({ weather: 'fine' })])).toBe(0)
  })

  it('passes over what it does not know, and counts it', () => {
    const frames = [frame({ weather: 'fine' }), frame({ candidates: [text('a')] })]
    expect(driver.unknownFrames(frames)).toBe(1)
    expect(driver.stream(frames, false).of('text')).toEqual([[0, 'a']])
  })
})

describe('Gemini, what goes wrong', () => {
  it.each([
    ['a candidate has not finished', [frame({ candidates: [text('a')] })]],
    [
      'one of two candidates has not finished',
      [frame({ candidates: [text('a', { finishReason: 'STOP' }), text('b')] })],
    ],
    ['nothing came', []],
  ])('fails if %s when the body ends', (_, frames) => {
    expect(onlyError(driver.stream(frames))).toMatchObject({ status: 502, code: 'incomplete_answer' })
  })

  it('makes a bad request of a blocked prompt, streamed or not, and keeps its usage', () => {
    const blocked = {
      promptFeedback: { blockReason: 'SAFETY' },
      usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 },
    }
    for (const sink of [driver.stream([frame(blocked)]), driver.response(blocked)]) {
      expect(onlyError(sink)).toMatchObject({
        status: 400,
        type: 'invalid_request_error',
        code: 'content_filter',
        param: 'messages',
        message: 'the prompt was blocked by gemini (SAFETY)',
      })
      expect(sink.of('usage')).toMatchObject([[{ prompt_tokens: 5 }]])
    }
  })

  it('keeps what came before an error inside the stream, with the status that it names', () => {
    const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }
    const sink = driver.stream([
      frame({ candidates: [text('a')] }),
      frame(error),
      frame({ candidates: [text('b')] }),
    ])
    expect(sink.of('text')).toEqual([[0, 'a']])
    expect(onlyError(sink)).toMatchObject({
      status: 503,
      message: 'The model is overloaded.',
      code: 'UNAVAILABLE',
    })
  })

  it('fails on a frame that is no JSON', () => {
    expect(onlyError(driver.stream([{ event: '', data: '{"candi' }]))).toMatchObject({
      code: 'frame_corrupt',
    })
  })

  it.each([[{}], [{ candidates: [] }], [[]], ['<html>'], [null]])('fails on the whole answer %j', (body) => {
    expect(onlyError(driver.response(body))).toMatchObject({
      status: 500,
      message: expect.stringContaining('no generation candidates received from Gemini') as string,
    })
  })

  it('reads an error answer, alone or in an array', () => {
    const body = { error: { code: 400, message: 'API key not valid.', status: 'INVALID_ARGUMENT' } }
    for (const answer of [body, [body]]) {
      expect(gemini.error(400, answer)).toMatchObject({
        status: 400,
        type: 'invalid_request_error',
        message: 'API key not valid.',
        code: 'INVALID_ARGUMENT',
      })
    }
    expect(gemini.error(502, '<html>')).toMatchObject({
      status: 502,
      message: 'gemini answered with status 502',
      code: null,
    })
  })

  it('tells when to come back', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }]
    const error = gemini.error(429, {
      error: { message: 'slow down', status: 'RESOURCE_EXHAUSTED', details },
    })
    expect(error).toMatchObject({ type: 'rate_limit_error', retryAfter: '35' })
  })

  it('knows its wire formats', () => {
    expect(gemini.frames('text/event-stream')).toBe('sse')
    expect(gemini.frames('application/json')).toBe('json-array')
    expect(gemini.frames('text/html')).toBeUndefined()
  })
})

function recorded(name: string): Frame[] {
  return fixtureLines(`recorded/gemini/${name}.chunks.txt`).map(frame)
}

function frame(response: JsonObject): Frame {
  return { event: '', data: JSON.stringify(response) }
}

function text(content: string, more: JsonObject = {}): JsonObject {
  return { content: { role: 'model', parts: [{ text: content }] }, ...more }
}
