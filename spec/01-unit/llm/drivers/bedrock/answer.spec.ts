import { describe, expect, it } from 'vitest'
import { bedrock } from '../../../../../lib/llm/drivers/bedrock/index.js'
import type { Frame } from '../../../../../lib/llm/frames/frame.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { awsEvent } from '../../../../support/aws-event-stream.js'
import { byteByByte, everyCut, seededCuts } from '../../../../support/cuts.js'
import {
  DriverHarness,
  fixtureBytes,
  fixtureLines,
  fixtureObject,
  framesOf,
  onlyError,
} from '../../../../support/driver-harness.js'

const driver = new DriverHarness(bedrock, { model: 'amazon.nova-pro-v1:0', options: {}, stream: true })
const RECORDED = ['amazon-bedrock-text', 'amazon-bedrock-reasoning', 'amazon-bedrock-tool-call.1']

describe('Bedrock, recorded answers', () => {
  it('streams text, then usage, the finish and the end', () => {
    const { calls } = driver.stream(recorded('amazon-bedrock-text'))
    expect(calls[0]).toEqual(['start', {}])
    expect(
      calls
        .filter(([method]) => method === 'text')
        .map(([, , text]) => text)
        .join(''),
    ).toBe(
      'Let me count the "r"s in "strawberry":\n\ns-t-**r**-a-w-b-e-**r**-**r**-y\n\nThere are **3** r\'s in "strawberry."',
    )
    expect(calls.slice(-3)).toEqual([
      ['usage', { prompt_tokens: 22, completion_tokens: 55, total_tokens: 77 }],
      ['finish', 0, 'stop'],
      ['done'],
    ])
  })

  it('streams reasoning, and keeps it signed once its block is whole', () => {
    const sink = driver.stream(recorded('amazon-bedrock-reasoning'))
    const thinking = sink
      .of('reasoning')
      .map(([, text]) => text)
      .join('')
    expect(thinking).toMatch(/^Let me count the r's in "strawberry":.*3 r's\.$/s)
    expect(sink.of('extra')).toEqual([
      [
        0,
        'thinking_blocks',
        [{ type: 'thinking', thinking, signature: expect.stringMatching(/^Ep0C/) as string }],
      ],
    ])
    const order = sink.calls.map(([method]) => method)
    expect(order.lastIndexOf('reasoning')).toBeLessThan(order.indexOf('extra'))
    expect(order.indexOf('extra')).toBeLessThan(order.indexOf('text'))
  })

  it('ends well where the usage comes before the stop', () => {
    const { calls } = driver.stream(recorded('amazon-bedrock-tool-call.1'), false)
    expect(calls).toEqual([
      ['start', {}],
      ['toolStart', 0, 0, 'tool-use-id', 'test-tool'],
      ['toolArgs', 0, 0, '{"value":'],
      ['toolArgs', 0, 0, '"Sparkle Day"}'],
      ['usage', { prompt_tokens: 125, completion_tokens: 45, total_tokens: 170 }],
      ['finish', 0, 'tool_calls'],
      ['done'],
    ])
  })

  it.each(RECORDED)('says the same of %s under every cut', (name) => {
    const bytes = Buffer.concat(
      fixtureLines(`recorded/bedrock/${name}.chunks.txt`).flatMap((line) =>
        Object.entries(line).map(([type, payload]) => awsEvent(type, payload)),
      ),
    )
    const expected = driver.stream(recorded(name)).calls
    for (const cut of everyCut(bytes))
      expect(driver.stream(framesOf('aws-event-stream', cut)).calls).toEqual(expected)
    for (const cut of [...seededCuts(bytes, 9, 20), byteByByte(bytes)]) {
      expect(driver.stream(framesOf('aws-event-stream', cut)).calls).toEqual(expected)
    }
  })

  it('reads whole answers', () => {
    expect(driver.answered(fixtureObject('recorded/bedrock/amazon-bedrock-text.json'))).toMatchObject({
      choices: [
        { finish_reason: 'stop', message: { content: expect.stringMatching(/^Let me count/) as string } },
      ],
      usage: {
        prompt_tokens: 22,
        completion_tokens: 57,
        total_tokens: 79,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    })
    expect(driver.answered(fixtureObject('recorded/bedrock/amazon-bedrock-reasoning.json'))).toMatchObject({
      choices: [
        {
          message: {
            content: 'There are **3** r\'s in "strawberry":\n\n1. st**r**awbe**r****r**y',
            reasoning_content: expect.stringMatching(/^Let me count/) as string,
            thinking_blocks: [{ type: 'thinking', signature: expect.stringMatching(/^EvYB/) as string }],
          },
        },
      ],
    })
  })

  it("reads Kong's recorded call, with words before it", () => {
    expect(
      driver.answered(fixtureObject('kong/embedded/samples/sample-bedrock-tools-response.json')),
    ).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: expect.stringMatching(/^Certainly! .* available to us\.$/) as string,
            tool_calls: [
              {
                id: 'tooluse_4ZakZPY9SiWoKWrAsY7_eg',
                type: 'function',
                function: { name: 'sumArea', arguments: '{"areas":[121,212,313]}' },
              },
            ],
          },
        },
      ],
      usage: { prompt_tokens: 410, completion_tokens: 115, total_tokens: 525 },
    })
  })

  it("reads Kong's recorded stream of three network buffers, counting calls from 0", () => {
    const buffers = [1, 2, 3].map((n) => fixtureBytes(`kong/embedded/streams/bedrock-chunk-${n}.bin`))
    expect(driver.accumulated(framesOf('aws-event-stream', buffers))).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: { tool_calls: [{ function: { name: 'add', arguments: '{"a": 2, "b": 12}' } }] },
        },
      ],
      usage: { prompt_tokens: 478, completion_tokens: 44, total_tokens: 522 },
    })
  })

  it("gives Kong's recorded answer without a usable usage none", () => {
    const sink = driver.response(fixtureObject('kong/unit/real-responses/bedrock/llm-v1-chat.json'))
    expect(sink.of('usage')).toEqual([])
    expect(sink.calls.at(-1)).toEqual(['done'])
  })
})

describe('Bedrock, what comes', () => {
  const CITATION = { title: 't', source: 's' }
  const TRACE = { guardrail: { actionReason: 'none' } }
  const USAGE = {
    inputTokens: 5,
    outputTokens: 7,
    totalTokens: 23,
    cacheReadInputTokens: 8,
    cacheWriteInputTokens: 3,
  }

  it('adds a stream up to the same answer as it is unstreamed', () => {
    const whole = {
      output: {
        message: {
          role: 'assistant',
          content: [
            { reasoningContent: { reasoningText: { text: 'think', signature: 'S1S2' } } },
            { reasoningContent: { redactedContent: 'AAAA' } },
            { citationsContent: { content: [{ text: 'cited' }], citations: [CITATION] } },
            { text: ' words' },
            { toolUse: { toolUseId: 'a', name: 'f', input: { x: [] } } },
            { toolUse: { toolUseId: 'b', name: 'g', input: {} } },
          ],
        },
      },
      stopReason: 'tool_use',
      usage: USAGE,
      trace: TRACE,
    }
    const frames = [
      frame('messageStart', { role: 'assistant' }),
      delta(0, { reasoningContent: { text: 'thi' } }),
      delta(0, { reasoningContent: { text: 'nk' } }),
      delta(0, { reasoningContent: { signature: 'S1' } }),
      delta(0, { reasoningContent: { signature: 'S2' } }),
      stop(0),
      delta(1, { reasoningContent: { redactedContent: 'AAAA' } }),
      stop(1),
      delta(2, { text: 'cited' }),
      delta(2, { citation: CITATION }),
      stop(2),
      frame('contentBlockStart', { contentBlockIndex: 3, start: {} }),
      delta(3, { text: ' words' }),
      stop(3),
      callStart(4, 'a', 'f'),
      delta(4, { toolUse: { input: '{"x":' } }),
      delta(4, { toolUse: { input: '[]}' } }),
      stop(4),
      callStart(5, 'b', 'g'),
      delta(5, { toolUse: { input: '' } }),
      stop(5),
      frame('messageStop', { stopReason: 'tool_use' }),
      frame('metadata', { usage: USAGE, trace: TRACE, metrics: { latencyMs: 1 } }),
    ]
    const answer = driver.accumulated(frames)
    expect(answer).toEqual(driver.answered(whole))
    expect(answer).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: 'cited words',
            reasoning_content: 'think',
            thinking_blocks: [
              { type: 'thinking', thinking: 'think', signature: 'S1S2' },
              { type: 'redacted_thinking', data: 'AAAA' },
            ],
            citations: [CITATION],
            tool_calls: [
              { id: 'a', function: { name: 'f', arguments: '{"x":[]}' } },
              { id: 'b', function: { name: 'g', arguments: '{}' } },
            ],
          },
        },
      ],
      usage: {
        prompt_tokens: 16,
        completion_tokens: 7,
        total_tokens: 23,
        prompt_tokens_details: { cached_tokens: 8, cache_creation_tokens: 3 },
      },
    })
  })

  it('gives arguments to a call that was left open without any', () => {
    const frames = [callStart(0, 'a', 'f'), frame('messageStop', { stopReason: 'tool_use' })]
    expect(driver.stream(frames).of('toolArgs')).toEqual([[0, 0, '{}']])
  })

  it('leaves arguments cut by the limit as they are', () => {
    const frames = [
      callStart(0, 'a', 'f'),
      delta(0, { toolUse: { input: '{"x":' } }),
      stop(0),
      frame('messageStop', { stopReason: 'max_tokens' }),
    ]
    const sink = driver.stream(frames)
    expect(sink.of('toolArgs')).toEqual([[0, 0, '{"x":']])
    expect(sink.of('finish')).toEqual([[0, 'length']])
  })

  it('keeps unsigned reasoning to itself: it cannot be sent back', () => {
    const frames = [delta(0, { reasoningContent: { text: 'hm' } }), stop(0)]
    expect(driver.stream(frames, false).calls).toEqual([
      ['start', {}],
      ['reasoning', 0, 'hm'],
    ])
  })

  it("passes over calls of the provider's own tools", () => {
    const frames = [
      frame('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { toolUseId: 's', name: 'web', type: 'server_tool_use' } },
      }),
      delta(0, { toolUse: { input: '{}' } }),
      stop(0),
      callStart(1, 'a', 'f'),
    ]
    expect(driver.stream(frames, false).calls).toEqual([
      ['start', {}],
      ['toolStart', 0, 0, 'a', 'f'],
    ])
  })

  it('answers with nothing where nothing was said', () => {
    const frames = [frame('messageStart', {}), frame('messageStop', { stopReason: 'end_turn' })]
    expect(driver.stream(frames).calls).toEqual([['start', {}], ['finish', 0, 'stop'], ['done']])
  })

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['guardrail_intervened', 'content_filter'],
    ['content_filtered', 'content_filter'],
    ['of_its_own', 'stop'],
  ])('finishes %s as %s, streamed or not', (stopReason, expected) => {
    const body = { output: { message: { content: [{ text: 'a' }] } }, stopReason }
    expect(driver.response(body).of('finish')).toEqual([[0, expected]])
    expect(driver.stream([frame('messageStop', { stopReason })]).of('finish')).toEqual([[0, expected]])
  })

  it.each(['malformed_tool_use', 'malformed_model_output'])(
    'fails on %s, of which nothing can be made',
    (stopReason) => {
      expect(onlyError(driver.stream([frame('messageStop', { stopReason })]))).toMatchObject({
        status: 502,
        code: stopReason,
      })
    },
  )

  it('knows every frame of a recorded stream', () => {
    for (const name of RECORDED) expect(driver.unknownFrames(recorded(name))).toBe(0)
  })

  it.each([{ inputTokens: 1 }, { outputTokens: 1 }, null])('says nothing of the usage %j', (usage) => {
    expect(driver.stream([frame('metadata', { usage })], false).of('usage')).toEqual([])
  })

  it('passes over what it does not know, and counts it', () => {
    const frames = [frame('weather', {}), delta(0, { text: 'a' }), delta(0, { hologram: {} })]
    expect(driver.unknownFrames(frames)).toBe(1)
    expect(driver.stream(frames, false).of('text')).toEqual([[0, 'a']])
  })
})

describe('Bedrock, what goes wrong', () => {
  it.each([
    ['throttlingException', 429, 'rate_limit_error'],
    ['modelStreamErrorException', 424, 'server_error'],
    ['validationException', 400, 'invalid_request_error'],
    ['serviceUnavailableException', 503, 'server_error'],
    ['internalServerException', 500, 'server_error'],
    ['modelTimeoutException', 408, 'server_error'],
    ['InternalError', 500, 'server_error'],
  ])('keeps what came before a %s and gives it status %i', (event, status, type) => {
    const exception: Frame = { event, data: '{"message":"Too many tokens"}', exception: true }
    const sink = driver.stream([delta(0, { text: 'a' }), exception, delta(0, { text: 'b' })])
    expect(sink.of('text')).toEqual([[0, 'a']])
    expect(onlyError(sink)).toMatchObject({ status, type, message: 'Too many tokens', code: event })
  })

  it.each([
    ['nothing came', []],
    ['the message did not stop', [delta(0, { text: 'a' })]],
    ['only the usage came', [frame('metadata', { usage: {} })]],
  ])('fails if %s when the body ends', (_, frames) => {
    expect(onlyError(driver.stream(frames))).toMatchObject({ status: 502, code: 'incomplete_answer' })
  })

  it('fails on arguments of a call that never started', () => {
    expect(onlyError(driver.stream([delta(3, { toolUse: { input: '{}' } })]))).toMatchObject({
      code: 'frame_unexpected',
    })
  })

  it('fails on a frame that is no JSON', () => {
    expect(onlyError(driver.stream([{ event: 'messageStart', data: '' }]))).toMatchObject({
      code: 'frame_corrupt',
    })
  })

  it.each([[{}], [{ output: { message: {} } }], ['<html>'], [null]])(
    'fails on the whole answer %j',
    (body) => {
      expect(onlyError(driver.response(body))).toMatchObject({
        status: 500,
        message: expect.stringContaining('no generation candidates received from Bedrock') as string,
      })
    },
  )

  it('reads an error answer', () => {
    expect(bedrock.error(403, { message: 'The security token is invalid.' })).toMatchObject({
      status: 403,
      type: 'permission_error',
      message: 'The security token is invalid.',
      code: null,
    })
    expect(
      bedrock.error(400, { __type: 'com.amazon.coral#ValidationException', Message: 'no' }),
    ).toMatchObject({
      message: 'no',
      code: 'ValidationException',
    })
    expect(bedrock.error(502, '<html>')).toMatchObject({
      status: 502,
      message: 'bedrock answered with status 502',
    })
  })

  it('knows its wire format', () => {
    expect(bedrock.frames('application/vnd.amazon.eventstream')).toBe('aws-event-stream')
    expect(bedrock.frames('application/json')).toBeUndefined()
  })
})

function recorded(name: string): Frame[] {
  return fixtureLines(`recorded/bedrock/${name}.chunks.txt`).flatMap((line) =>
    Object.entries(line).map(([event, payload]) => ({ event, data: JSON.stringify(payload) })),
  )
}

function frame(event: string, payload: JsonObject): Frame {
  return { event, data: JSON.stringify(payload) }
}

function delta(contentBlockIndex: number, content: JsonObject): Frame {
  return frame('contentBlockDelta', { contentBlockIndex, delta: content })
}

function stop(contentBlockIndex: number): Frame {
  return frame('contentBlockStop', { contentBlockIndex })
}

function callStart(contentBlockIndex: number, toolUseId: string, name: string): Frame {
  return frame('contentBlockStart', { contentBlockIndex, start: { toolUse: { toolUseId, name } } })
}
