import { describe, expect, it } from 'vitest'
import type { ChatMessage, ContentPart, ToolCall } from '../../../../../lib/llm/chat.js'
import { gemini } from '../../../../../lib/llm/drivers/gemini/index.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(gemini, { model: 'gemini-2.5-flash', options: {}, stream: false })
const VERTEX = { options: { gemini: { api_endpoint: 'v.example', project_id: 'p', location_id: 'l' } } }

describe('Gemini, turns', () => {
  it('merges neighbours of one role', () => {
    expect(
      contents([
        { role: 'user', content: 'a' },
        { role: 'user', content: 'b' },
        { role: 'assistant', content: 'c' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'd' }] },
        { role: 'user', content: 'e' },
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
      { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
      { role: 'user', parts: [{ text: 'e' }] },
    ])
  })

  it('collects system messages wherever they stand', () => {
    const { body } = driver.request({
      messages: [
        { role: 'user', content: 'a' },
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'b' },
      ],
    })
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'be brief' }] })
    expect(body.contents).toEqual([{ role: 'user', parts: [{ text: 'a' }, { text: 'b' }] }])
  })

  it('says a system message as the user where there is nothing else, or no other way', () => {
    const system: ChatMessage = { role: 'system', content: 's' }
    expect(driver.request({ messages: [system] }).body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 's' }] }],
    })
    const messages: ChatMessage[] = [system, { role: 'assistant', content: 'a' }]
    expect(driver.request({ messages }, { model: 'gemma-3-27b-it' }).body).toEqual({
      contents: [
        { role: 'user', parts: [{ text: 's' }] },
        { role: 'model', parts: [{ text: 'a' }] },
      ],
    })
  })

  it('leaves out what is empty, which the API refuses', () => {
    expect(
      contents([
        { role: 'user', content: 'a' },
        { role: 'assistant', content: '' },
      ]),
    ).toEqual([{ role: 'user', parts: [{ text: 'a' }] }])
  })

  it('refuses an unknown role by name', () => {
    const messages = [{ role: 'narrator', content: 'a' }] as unknown as ChatMessage[]
    expect(() => driver.request({ messages })).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].role' }),
    )
  })
})

describe('Gemini, content', () => {
  it.each<[string, ContentPart, unknown]>([
    ['an image in a data URL', image('data:image/png;base64,AAAA'), inline('image/png', 'AAAA')],
    [
      'an image by URL',
      image('https://x.example/a.webp?v=1'),
      file('https://x.example/a.webp?v=1', 'image/webp'),
    ],
    [
      'an image whose URL tells no type',
      image('https://x.example/a'),
      file('https://x.example/a', 'image/jpeg'),
    ],
    ['an image in Cloud Storage', image('gs://b/a.PNG'), file('gs://b/a.PNG', 'image/png')],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      inline('audio/wav', 'AAAA'),
    ],
    [
      'a file in a data URL',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'a.pdf' } },
      inline('application/pdf', 'AAAA'),
    ],
    [
      'a file in bare base64',
      { type: 'file', file: { file_data: 'AAAA', filename: 'a.csv' } },
      inline('text/csv', 'AAAA'),
    ],
    [
      'a file that the provider has',
      { type: 'file', file: { file_id: 'https://generativelanguage.googleapis.com/v1beta/files/abc' } },
      file('https://generativelanguage.googleapis.com/v1beta/files/abc', 'application/pdf'),
    ],
  ])('sends %s', (_, part, expected) => {
    expect(contents([{ role: 'user', content: [{ type: 'text', text: 'see' }, part] }])).toEqual([
      { role: 'user', parts: [{ text: 'see' }, expected] },
    ])
  })

  it('reports the detail of an image', () => {
    const { dropped } = driver.request({
      messages: [
        { role: 'user', content: [image('https://x.example/a.png', 'low'), image('gs://a', 'auto')] },
      ],
    })
    expect(dropped).toEqual(['messages[0].content[0].image_url.detail'])
  })

  it.each([
    ['a file of another provider', { type: 'file', file: { file_id: 'file-123' } }, '.file.file_id'],
    ['an image that is no URL', { type: 'image_url', image_url: { url: 'AAAA' } }, '.image_url.url'],
    ['an image without a URL', { type: 'image_url', image_url: {} }, '.image_url.url'],
    ['text without text', { type: 'text' }, '.text'],
  ])('refuses %s', (_, part, param) => {
    const messages = [{ role: 'user', content: [part] }] as unknown as ChatMessage[]
    expect(() => driver.request({ messages })).toThrow(
      expect.objectContaining({ status: 400, param: `messages[0].content[0]${param}` }),
    )
  })
})

describe('Gemini, calls and their results', () => {
  const history: ChatMessage[] = [
    { role: 'user', content: 'weather?' },
    {
      role: 'assistant',
      content: 'Looking.',
      tool_calls: [call('c1', 'weather', '{"at":"Rome"}'), call('c2', 'weather', '')],
    },
    { role: 'tool', tool_call_id: 'c2', content: 'rain' },
    { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: '{"sky":"blue"}' }] },
    { role: 'user', content: 'thanks' },
  ]

  it('sends parallel calls in one turn and their results in the next, in the order of the calls', () => {
    expect(contents(history)).toEqual([
      { role: 'user', parts: [{ text: 'weather?' }] },
      {
        role: 'model',
        parts: [
          { text: 'Looking.' },
          { functionCall: { id: 'c1', name: 'weather', args: { at: 'Rome' } } },
          { functionCall: { id: 'c2', name: 'weather', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'c1', name: 'weather', response: { sky: 'blue' } } },
          { functionResponse: { id: 'c2', name: 'weather', response: { output: 'rain' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'thanks' }] },
    ])
  })

  it('keeps to the order of the calls where every turn uses the same ids', () => {
    const turn: ChatMessage[] = [
      { role: 'assistant', tool_calls: [call('0', 'one', '{}'), call('1', 'two', '{}')] },
      { role: 'tool', tool_call_id: '1', content: '2' },
      { role: 'tool', tool_call_id: '0', content: '1' },
    ]
    const results = [
      { functionResponse: { id: '0', name: 'one', response: { output: '1' } } },
      { functionResponse: { id: '1', name: 'two', response: { output: '2' } } },
    ]
    const said = [contents([...turn, ...turn])].flat()
    expect(said.filter((_, i) => i % 2 === 1)).toEqual([
      { role: 'user', parts: results },
      { role: 'user', parts: results },
    ])
  })

  it('drops nothing of them', () => {
    expect(driver.request({ messages: history }).dropped).toEqual([])
  })

  it('leaves the ids out for Vertex, which refuses them', () => {
    expect(JSON.stringify(driver.request({ messages: history }, VERTEX).body)).not.toContain('"id"')
  })

  it.each([
    ['[1,2]', { output: [1, 2] }],
    ['42', { output: '42' }],
    ['', { output: '' }],
    ['{"error":"no"}', { error: 'no' }],
  ])('sends the result %j as an object', (content, response) => {
    const turns = contents([
      { role: 'user', content: 'a' },
      { role: 'assistant', tool_calls: [call('c', 'f', '{}')] },
      { role: 'tool', tool_call_id: 'c', content },
    ])
    expect(turns).toContainEqual({
      role: 'user',
      parts: [{ functionResponse: { id: 'c', name: 'f', response } }],
    })
  })

  it('sends a thought signature back with its call, and with the text', () => {
    const signed = { ...call('c', 'f', '{}'), extra_content: { google: { thought_signature: 'S1' } } }
    const extra_content = { google: { thought_signature: 'S2' } }
    expect(
      contents([
        { role: 'assistant', content: 'x', extra_content, tool_calls: [signed, call('d', 'f', '{}')] },
      ]),
    ).toEqual([
      {
        role: 'model',
        parts: [
          { text: 'x', thoughtSignature: 'S2' },
          { functionCall: { id: 'c', name: 'f', args: {} }, thoughtSignature: 'S1' },
          { functionCall: { id: 'd', name: 'f', args: {} } },
        ],
      },
    ])
  })

  it('tells Gemini 3 that a signature was lost, at the first of parallel calls', () => {
    const { body } = driver.request({ messages: history }, { model: 'gemini-3-pro-preview' })
    expect(body.contents).toContainEqual({
      role: 'model',
      parts: [
        { text: 'Looking.' },
        {
          functionCall: { id: 'c1', name: 'weather', args: { at: 'Rome' } },
          thoughtSignature: 'skip_thought_signature_validator',
        },
        { functionCall: { id: 'c2', name: 'weather', args: {} } },
      ],
    })
  })

  it('takes back what an earlier answer said, without a word of anything dropped', () => {
    const sources = {
      annotations: [{}],
      citations: [{}],
      grounding_metadata: { a: 1 },
      url_context_metadata: { a: 1 },
    }
    const answer: ChatMessage = {
      role: 'assistant',
      content: 'x',
      refusal: null,
      reasoning_content: 'hm',
      ...sources,
    }
    expect(driver.request({ messages: [answer] }).dropped).toEqual([])
  })

  it('refuses a result that answers no call', () => {
    expect(() => contents([{ role: 'tool', tool_call_id: 'x', content: 'y' }])).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].tool_call_id' }),
    )
  })

  it.each(['{"cut', '[]', '"text"'])('refuses the arguments %s', (args) => {
    expect(() => contents([{ role: 'assistant', tool_calls: [call('c', 'f', args)] }])).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].tool_calls[0].function.arguments' }),
    )
  })
})

function contents(messages: ChatMessage[]): unknown {
  return driver.request({ messages }).body.contents
}

function call(id: string, name: string, args: string): ToolCall {
  return { id, type: 'function', function: { name, arguments: args } }
}

function image(url: string, detail?: string): ContentPart {
  return { type: 'image_url', image_url: { url, ...(detail && { detail }) } }
}

function inline(mimeType: string, data: string): unknown {
  return { inlineData: { mimeType, data } }
}

function file(fileUri: string, mimeType: string): unknown {
  return { fileData: { fileUri, mimeType } }
}
