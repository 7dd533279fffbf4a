import { describe, expect, it } from 'vitest'
import type {
  ChatMessage,
  ChatRequest,
  ContentPart,
  Tool,
  ToolCall,
  ToolChoice,
} from '../../../../../lib/llm/chat.js'
import { bedrock } from '../../../../../lib/llm/drivers/bedrock/index.js'
import { remoteImages } from '../../../../../lib/llm/drivers/remote-images.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(bedrock, {
  model: 'anthropic.claude-3-haiku-20240307-v1:0',
  options: { bedrock: { aws_region: 'us-east-1' } },
  stream: false,
})

describe('Bedrock, content', () => {
  it.each<[string, ContentPart, unknown]>([
    [
      'an image',
      image('data:image/jpg;base64,AAAA'),
      { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
    ],
    [
      'an image in S3',
      image('s3://bucket/a.PNG'),
      { image: { format: 'png', source: { s3Location: { uri: 's3://bucket/a.PNG' } } } },
    ],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
      { audio: { format: 'mp3', source: { bytes: 'AAAA' } } },
    ],
    ['a document', file('text/csv', 'my_data (1).csv'), document('csv', 'my data (1)')],
    ['a document without a name', file('application/pdf'), document('pdf', 'document')],
    ['a film', file('video/quicktime'), { video: { format: 'mov', source: { bytes: 'AAAA' } } }],
    ['an image as a file', file('image/webp'), { image: { format: 'webp', source: { bytes: 'AAAA' } } }],
  ])('sends %s', (_, part, block) => {
    expect(turns([{ role: 'user', content: [{ type: 'text', text: 'see' }, part] }])).toEqual([
      { role: 'user', content: [{ text: 'see' }, block] },
    ])
  })

  it('gives documents of one name different ones', () => {
    expect(
      turns([
        { role: 'user', content: [file('application/pdf', 'a.pdf'), file('application/pdf', 'a.pdf')] },
      ]),
    ).toEqual([{ role: 'user', content: [document('pdf', 'a'), document('pdf', 'a (2)')] }])
  })

  it.each([
    ['an image by URL', image('https://x.example/a.png'), '.image_url.url'],
    ['an image of another format', image('data:image/tiff;base64,AAAA'), '.image_url.url'],
    ['a file of another type', file('application/zip'), '.file.file_data'],
    ['a file of another provider', { type: 'file', file: { file_id: 'file-1' } }, '.file.file_data'],
  ])('refuses %s', (_, part, param) => {
    const messages = [{ role: 'user', content: [part] }] as unknown as ChatMessage[]
    expect(() => turns(messages)).toThrow(
      expect.objectContaining({ status: 400, param: `messages[0].content[0]${param}` }),
    )
  })

  it('reports the detail of an image', () => {
    const detailed = (detail: string): ContentPart => ({
      type: 'image_url',
      image_url: { url: 'data:image/png;base64,AAAA', detail },
    })
    const { dropped } = driver.request({
      messages: [{ role: 'user', content: [detailed('auto'), detailed('low')] }],
    })
    expect(dropped).toEqual(['messages[0].content[1].image_url.detail'])
  })

  it('lists the images that have to be fetched first, and takes them inline', () => {
    const chat: ChatRequest = {
      messages: [
        { role: 'user', content: 'none' },
        { role: 'user', content: [image('data:image/png;base64,AAAA'), image('https://x.example/a.png')] },
      ],
    }
    const images = remoteImages(chat)
    expect(images).toMatchObject([
      { path: 'messages[1].content[1].image_url.url', url: 'https://x.example/a.png' },
    ])
    images[0]?.inline('data:image/png;base64,BBBB')
    expect(turns(chat.messages)).toEqual([
      {
        role: 'user',
        content: [
          { text: 'none' },
          { image: { format: 'png', source: { bytes: 'AAAA' } } },
          { image: { format: 'png', source: { bytes: 'BBBB' } } },
        ],
      },
    ])
    expect(remoteImages(chat)).toEqual([])
  })

  it('puts a cache point where the client marked one', () => {
    const cache_control = { type: 'ephemeral' }
    const text = { type: 'text' as const, text: 'long', cache_control }
    const { body, dropped } = driver.request({
      messages: [
        { role: 'system', content: [text] },
        { role: 'user', content: [text, { type: 'text', text: 'short' }] },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'f' },
          cache_control: { type: 'ephemeral', ttl: '1h' },
        } as Tool,
      ],
    })
    expect(body.system).toEqual([{ text: 'long' }, { cachePoint: { type: 'default' } }])
    expect(body.messages).toEqual([
      { role: 'user', content: [{ text: 'long' }, { cachePoint: { type: 'default' } }, { text: 'short' }] },
    ])
    expect(body.toolConfig).toMatchObject({ tools: [{}, { cachePoint: { type: 'default', ttl: '1h' } }] })
    expect(dropped).toEqual([])
  })
})

describe('Bedrock, turns', () => {
  it('keeps parallel calls, the words beside them, and their results in one turn with what follows', () => {
    expect(
      turns([
        { role: 'user', content: 'weather?' },
        { role: 'assistant', content: 'Looking.', tool_calls: [call('c1', '{"at":"Rome"}'), call('c2', '')] },
        { role: 'tool', tool_call_id: 'c1', content: 'plain rain' },
        { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: '{"sky":"blue"}' }] },
        { role: 'user', content: 'thanks' },
      ]),
    ).toEqual([
      { role: 'user', content: [{ text: 'weather?' }] },
      {
        role: 'assistant',
        content: [
          { text: 'Looking.' },
          { toolUse: { toolUseId: 'c1', name: 'f', input: { at: 'Rome' } } },
          { toolUse: { toolUseId: 'c2', name: 'f', input: {} } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'c1', content: [{ text: 'plain rain' }] } },
          { toolResult: { toolUseId: 'c2', content: [{ text: '{"sky":"blue"}' }] } },
          { text: 'thanks' },
        ],
      },
    ])
  })

  it('says a system message as the user where there is nothing else', () => {
    expect(driver.request({ messages: [{ role: 'system', content: 's' }] }).body).toEqual({
      messages: [{ role: 'user', content: [{ text: 's' }] }],
    })
  })

  it.each(['', ' \n', [{ type: 'text' as const, text: '' }]])(
    'has no result with nothing in it: %j',
    (content) => {
      const result: ChatMessage = { role: 'tool', tool_call_id: 'c', content }
      expect(turns([{ role: 'assistant', tool_calls: [call('c', '{}')] }, result])).toContainEqual({
        role: 'user',
        content: [{ toolResult: { toolUseId: 'c', content: [{ json: {} }] } }],
      })
    },
  )

  it('says that a tool failed', () => {
    const failed = { role: 'tool', tool_call_id: 'c', content: 'oh', is_error: true } as ChatMessage
    expect(turns([{ role: 'assistant', tool_calls: [call('c', '{}')] }, failed])).toContainEqual({
      role: 'user',
      content: [{ toolResult: { toolUseId: 'c', content: [{ text: 'oh' }], status: 'error' } }],
    })
  })

  it('sends thinking back, signed, before what was said', () => {
    const { body, dropped } = driver.request({
      messages: [
        {
          role: 'assistant',
          content: 'x',
          reasoning_content: 'hm',
          thinking_blocks: [
            { type: 'thinking', thinking: 'hm', signature: 'S' },
            { type: 'redacted_thinking', data: 'AAAA' },
            { type: 'thinking', thinking: 'unsigned', signature: '' },
          ],
        },
      ],
    })
    expect(body.messages).toEqual([
      {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 'S' } } },
          { reasoningContent: { redactedContent: 'AAAA' } },
          { text: 'x' },
        ],
      },
    ])
    expect(dropped).toEqual(['messages[0].thinking_blocks[2]'])
  })

  it('leaves out blank text, which the API refuses', () => {
    expect(
      turns([
        { role: 'user', content: 'a' },
        { role: 'assistant', content: ' \n' },
        { role: 'user', content: 'b' },
      ]),
    ).toEqual([{ role: 'user', content: [{ text: 'a' }, { text: 'b' }] }])
  })

  it('writes the ids of another provider in its own alphabet', () => {
    const json = JSON.stringify(turns([{ role: 'assistant', tool_calls: [call('functions.f:0', '{}')] }]))
    expect(json).toContain('"toolUseId":"functions_f_0"')
  })

  it('refuses arguments that are no object', () => {
    expect(() => turns([{ role: 'assistant', tool_calls: [call('c', '{"cut')] }])).toThrow(
      expect.objectContaining({ status: 400, param: 'messages[0].tool_calls[0].function.arguments' }),
    )
  })
})

describe('Bedrock, tools', () => {
  const tools: Tool[] = [fn('f'), fn('g')]
  const history: ChatMessage[] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', tool_calls: [call('c', '{}')] },
    { role: 'tool', tool_call_id: 'c', content: 'x' },
  ]

  it.each<[unknown, unknown]>([
    ['auto', { auto: {} }],
    ['required', { any: {} }],
    [fn('f'), { tool: { name: 'f' } }],
  ])('says the choice %j', (choice, toolChoice) => {
    expect(driver.request({ tools, tool_choice: choice as ToolChoice }).body.toolConfig).toMatchObject({
      toolChoice,
    })
  })

  it('narrows the tools to those allowed', () => {
    const tool_choice = {
      type: 'allowed_tools',
      allowed_tools: { mode: 'auto', tools: [fn('g')] },
    } as unknown as ToolChoice
    expect(driver.request({ tools, tool_choice }).body.toolConfig).toEqual({
      tools: [{ toolSpec: { name: 'g', inputSchema: { json: { type: 'object' } } } }],
      toolChoice: { auto: {} },
    })
  })

  it('offers none where none may be called', () => {
    const { body, dropped } = driver.request({ tools, tool_choice: 'none' })
    expect(body.toolConfig).toBeUndefined()
    expect(dropped).toEqual([])
  })

  it('offers them all the same where the history has calls, and reports it', () => {
    const { body, dropped } = driver.request({ messages: history, tools, tool_choice: 'none' })
    expect(body.toolConfig).toEqual({ tools: [expect.anything(), expect.anything()] })
    expect(dropped).toEqual(['tool_choice'])
  })

  it('names the tools that the history called where none are offered any more', () => {
    const { body, dropped } = driver.request({ messages: history })
    expect(dropped).toEqual([])
    expect(body.toolConfig).toEqual({
      tools: [{ toolSpec: { name: 'f', inputSchema: { json: { type: 'object' } } } }],
    })
  })

  it.each([
    ['a function without a name', { tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    ['a choice that nobody knows', { tools, tool_choice: 'perhaps' }, 'tool_choice'],
    [
      'a choice of tools without tools',
      { tools, tool_choice: { allowed_tools: { mode: 'auto' } } },
      'tool_choice',
    ],
    ['a choice of tools in no mode', { tools, tool_choice: { allowed_tools: { tools } } }, 'tool_choice'],
  ])('refuses %s', (_, chat, param) => {
    expect(() => driver.request(chat as unknown as ChatRequest)).toThrow(
      expect.objectContaining({ status: 400, param }),
    )
  })

  it('reports tools that it does not know, and strictness that the model does not', () => {
    const { dropped } = driver.request({
      tools: [
        { type: 'custom' } as unknown as Tool,
        { type: 'function', function: { name: 'f', strict: true } },
      ],
    })
    expect(dropped).toEqual(['tools[0]', 'tools[1].function.strict'])
  })
})

function turns(messages: ChatMessage[]): unknown {
  return driver.request({ messages }).body.messages
}

function call(id: string, args: string): ToolCall {
  return { id, type: 'function', function: { name: 'f', arguments: args } }
}

function fn(name: string): Tool {
  return { type: 'function', function: { name } }
}

function image(url: string): ContentPart {
  return { type: 'image_url', image_url: { url } }
}

function file(mediaType: string, filename?: string): ContentPart {
  return { type: 'file', file: { file_data: `data:${mediaType};base64,AAAA`, ...(filename && { filename }) } }
}

function document(format: string, name: string): unknown {
  return { document: { format, name, source: { bytes: 'AAAA' } } }
}
