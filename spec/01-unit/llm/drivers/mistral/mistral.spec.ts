import { describe, expect, it } from 'vitest'
import type { ChatMessage, ChatRequest } from '../../../../../lib/llm/chat.js'
import type { ModelOptions } from '../../../../../lib/llm/driver.js'
import { driverOf } from '../../../../../lib/llm/drivers/index.js'
import { mistralDriver } from '../../../../../lib/llm/drivers/mistral/index.js'
import { byteByByte } from '../../../../support/cuts.js'
import { DriverHarness, fixtureLines, fixtureObject, framesOf } from '../../../../support/driver-harness.js'
import { object, objects } from '../../../../support/json.js'
import { sse } from '../../../../support/streams.js'

const driver = new DriverHarness(mistralDriver({}), {
  model: 'mistral-small-latest',
  options: {},
  stream: false,
})

function messagesOf(...messages: ChatMessage[]) {
  const { body, dropped } = driver.request({ messages })
  return { messages: objects(body.messages), dropped }
}

describe('a Mistral model', () => {
  it.each<[string, ModelOptions, string, boolean]>([
    ["Mistral's own API", { mistral_format: 'openai' }, '/v1/chat/completions', false],
    [
      "Mistral's own API by its address",
      { mistral_format: 'openai', upstream_url: 'https://api.mistral.ai/v1/chat/completions' },
      '/v1/chat/completions',
      false,
    ],
    [
      "one like OpenAI's on a server of one's own",
      { mistral_format: 'openai', upstream_url: 'http://vllm:8000' },
      '/v1/chat/completions',
      true,
    ],
    ["Ollama's", { mistral_format: 'ollama', upstream_url: 'http://ollama:11434' }, '/api/chat', false],
  ])('is behind %s', (_, options, path, native) => {
    const chosen = driverOf('mistral', options)!
    const target = { model: 'm', options, stream: false }
    const request = chosen.request({ messages: [{ role: 'user', content: 'Hi' }], seed: 1 }, target)
    expect(chosen.name).toBe('mistral')
    expect(request.path).toBe(path)
    expect(chosen.native !== undefined).toBe(native)
    expect('random_seed' in request.body).toBe(path.startsWith('/v1') && !native)
  })
})

describe("a request to Mistral's API", () => {
  it('says what differs in its words, and leaves the rest alone', () => {
    const tools = [{ type: 'function' as const, function: { name: 'f', strict: true } }]
    const chat: ChatRequest = {
      messages: [{ role: 'user', content: 'Hi' }],
      tools,
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_object' },
      n: 2,
      stop: ['a', 'b'],
      seed: 7,
      temperature: 0.1,
      presence_penalty: 1,
      frequency_penalty: 1,
      max_completion_tokens: 9,
      reasoning_effort: 'high',
      metadata: { a: 'b' },
      safe_prompt: true,
      prompt_mode: 'reasoning',
      stream_options: { include_usage: true },
    }
    const { seed: _, max_completion_tokens: __, stream_options: ___, ...same } = chat
    expect(driver.request(chat, { stream: true, options: { top_p: 0.5 } })).toEqual({
      origin: 'https://api.mistral.ai:443',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: {
        ...same,
        model: 'mistral-small-latest',
        random_seed: 7,
        max_tokens: 9,
        top_p: 0.5,
        stream: true,
      },
      dropped: [],
    })
  })

  it('leaves out what the API would refuse, and says so', () => {
    const { body, dropped } = driver.request({
      messages: [
        { role: 'user', name: 'Ann', content: 'Hi' },
        { role: 'assistant', content: 'x', audio: { id: '1' } } as ChatMessage,
        { role: 'user', content: 'Go on' },
      ],
      logit_bias: { 1: 2 },
      logprobs: true,
      top_logprobs: 2,
      user: 'u',
      top_k: 5,
      store: false,
      service_tier: 'auto',
    })
    expect(Object.keys(body).toSorted()).toEqual(['messages', 'model'])
    expect(dropped.toSorted()).toEqual([
      'logit_bias',
      'logprobs',
      'messages[0].name',
      'messages[1].audio',
      'service_tier',
      'top_k',
      'top_logprobs',
      'user',
    ])
  })

  it('sends developers as the system, in place', () => {
    const { messages } = messagesOf(
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'developer', content: 'c' },
    )
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'system'])
  })

  it('gives calls and their results ids that the API takes, the same for both', () => {
    const call = (id: string) => ({ id, type: 'function' as const, function: { name: 'f', arguments: '{}' } })
    const { messages } = messagesOf(
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: [call('call_abc'), call('D681PevKs')] },
      { role: 'tool', tool_call_id: 'D681PevKs', content: 'x' },
      { role: 'tool', tool_call_id: 'call_abc', content: 'y' },
    )
    const ids = objects(messages[1]!.tool_calls).map(({ id }) => id)
    expect(ids).toEqual([expect.stringMatching(/^[a-zA-Z0-9]{9}$/), 'D681PevKs'])
    expect(ids).toHaveLength(2)
    expect(messages.slice(2).map(({ tool_call_id: id }) => id)).toEqual(ids.toReversed())
    expect(messages[1]!.content).toBe('')
  })

  it('gives the model its thoughts back as a part of its own', () => {
    const { messages, dropped } = messagesOf(
      { role: 'user', content: 'Hi' },
      { role: 'assistant', reasoning_content: 'Hm.', content: [{ type: 'text', text: 'Yes' }] },
    )
    expect(messages[1]!.content).toEqual([
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }], closed: true },
      { type: 'text', text: 'Yes' },
    ])
    expect(dropped).toEqual([])
  })

  it('sends images, sounds and files as the parts that the API knows', () => {
    const pdf = 'data:application/pdf;base64,JVBERg=='
    const { messages, dropped } = messagesOf({
      role: 'user',
      content: [
        { type: 'text', text: 'See' },
        { type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
        { type: 'file', file: { file_data: pdf, filename: 'a.pdf' } },
        { type: 'file', file: { file_data: 'data:image/png;base64,iVBORw==' } },
        { type: 'file', file: { file_id: 'f1' } },
        { type: 'file', file: { file_data: 'data:application/zip;base64,UEs=' } },
      ],
    })
    expect(messages[0]!.content).toEqual([
      { type: 'text', text: 'See' },
      { type: 'image_url', image_url: { url: 'https://a/b.png', detail: 'low' } },
      { type: 'input_audio', input_audio: 'AAAA' },
      { type: 'document_url', document_url: pdf, document_name: 'a.pdf' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw==' } },
      { type: 'file', file_id: 'f1' },
    ])
    expect(dropped).toEqual(['messages[0].content[6]'])
  })

  it('never changes the messages that it was given', () => {
    const messages = [{ role: 'user' as const, name: 'Ann', content: 'Hi' }]
    driver.request({ messages })
    expect(messages).toEqual([{ role: 'user', name: 'Ann', content: 'Hi' }])
  })
})

describe("an answer of Mistral's API", () => {
  const streamed = (name: string) =>
    framesOf('sse', byteByByte(sse(fixtureLines(`recorded/mistral/${name}.chunks.txt`))))

  it.each(['mistral-text', 'mistral-tool-call', 'mistral-reasoning', 'mistral-incremental-tool-call'])(
    'that is streamed is complete, with its usage: %s',
    (name) => {
      const frames = streamed(name)
      const sink = driver.stream(frames)
      expect(sink.calls.at(-1)).toEqual(['done'])
      expect(sink.of('usage')).toHaveLength(1)
      expect(driver.unknownFrames(frames)).toBe(0)
      for (const [, text] of sink.of('text')) expect(text).toEqual(expect.any(String))
    },
  )

  it.each(['mistral-tool-call', 'mistral-reasoning'])('is the same whole and streamed: %s', (name) => {
    const body = driver.answered(fixtureObject(`recorded/mistral/${name}.json`))
    expect(driver.accumulated(streamed(name))).toEqual(body)
  })

  it('has its thinking as reasoning, and text as text', () => {
    const [choice] = objects(
      driver.answered(fixtureObject('recorded/mistral/mistral-reasoning.json')).choices,
    )
    expect(object(choice!.message)).toMatchObject({
      reasoning_content: 'The user is asking for 2+2. This is basic arithmetic. 2+2=4.',
      content: '2 + 2 = 4',
    })
  })

  it('goes on with a call whose next piece has no name', () => {
    const { choices } = driver.accumulated(streamed('mistral-incremental-tool-call'))
    expect(choices).toMatchObject([
      {
        message: {
          tool_calls: [
            { function: { name: 'webSearchTool', arguments: '{"query": "current Berlin weather"}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ])
  })
})
