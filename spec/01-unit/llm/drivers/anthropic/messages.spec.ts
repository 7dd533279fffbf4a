import { describe, expect, it } from 'vitest'
import { ChatError } from '../../../../../lib/llm/errors.js'
import type { JsonObject } from '../../../../../lib/llm/json.js'
import { requested } from '../../../../support/anthropic.js'
import { objects } from '../../../../support/json.js'

const text = (words: string): JsonObject => ({ type: 'text', text: words })

function convert(...messages: JsonObject[]): { body: JsonObject; dropped: string[] } {
  const chat: JsonObject = { messages }
  return requested(chat)
}

/** The blocks of a user message of these parts. */
function blocks(...content: JsonObject[]): unknown {
  return objects(convert({ role: 'user', content }).body.messages)[0]?.content
}

function failure(...messages: JsonObject[]): ChatError {
  try {
    convert(...messages)
  } catch (error) {
    if (error instanceof ChatError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const call = (id: string, args: string): JsonObject => ({
  id,
  type: 'function',
  function: { name: 'add', arguments: args },
})

describe('system messages', () => {
  it('go to the system prompt in order, wherever they stood, and none is lost', () => {
    const { body } = convert(
      { role: 'system', content: 'One.' },
      { role: 'developer', content: [text('Two.'), text('Three.')] },
      { role: 'user', content: 'Hi' },
      { role: 'system', content: 'Four.' },
      { role: 'user', content: 'there' },
    )
    expect(body.system).toEqual([text('One.'), text('Two.'), text('Three.'), text('Four.')])
    expect(body.messages).toEqual([{ role: 'user', content: [text('Hi'), text('there')] }])
  })

  it('leave no empty system prompt behind', () => {
    const { body } = convert({ role: 'system', content: ' ' }, { role: 'user', content: 'Hi' })
    expect(body).not.toHaveProperty('system')
  })
})

describe('turns', () => {
  it('merge neighbours of one role, so that roles alternate', () => {
    const { body } = convert(
      { role: 'user', content: 'a' },
      { role: 'user', content: [text('b')] },
      { role: 'assistant', content: 'c' },
      { role: 'assistant', content: '' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: 'e' },
    )
    expect(body.messages).toEqual([
      { role: 'user', content: [text('a'), text('b')] },
      { role: 'assistant', content: [text('c'), text('d')] },
      { role: 'user', content: [text('e')] },
    ])
  })

  it('put the results of parallel calls into one user turn, before the words that follow', () => {
    const { body } = convert(
      { role: 'user', content: 'Add.' },
      {
        role: 'assistant',
        content: 'I add.',
        tool_calls: [call('call_1', '{"a":1}'), call('call_2', '{"a":2}')],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '3' },
      { role: 'tool', tool_call_id: 'call_2', content: [text('4'), text('!')] },
      { role: 'user', content: 'Thanks' },
    )
    expect(objects(body.messages).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          text('I add.'),
          { type: 'tool_use', id: 'call_1', name: 'add', input: { a: 1 } },
          { type: 'tool_use', id: 'call_2', name: 'add', input: { a: 2 } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: [text('3')] },
          { type: 'tool_result', tool_use_id: 'call_2', content: [text('4'), text('!')] },
          text('Thanks'),
        ],
      },
    ])
  })

  it('leave out blank text, which the API refuses, also in a tool result', () => {
    const { body } = convert(
      { role: 'user', content: [text(''), text('Hi'), text('\n')] },
      { role: 'assistant', content: null, tool_calls: [call('c', '')] },
      { role: 'tool', tool_call_id: 'c', content: '' },
    )
    expect(body.messages).toEqual([
      { role: 'user', content: [text('Hi')] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'add', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c' }] },
    ])
  })

  it('write tool ids in the alphabet of the API, the same for a call and its result', () => {
    const { body } = convert(
      { role: 'assistant', tool_calls: [call('functions.add:0', '{}')] },
      { role: 'tool', tool_call_id: 'functions.add:0', content: '3', is_error: true },
    )
    expect(body.messages).toMatchObject([
      { content: [{ id: 'functions_add_0' }] },
      { content: [{ tool_use_id: 'functions_add_0', is_error: true }] },
    ])
  })

  it('end an answer to be continued without the white space that the API refuses', () => {
    const { body } = convert(
      { role: 'user', content: 'Hi ' },
      { role: 'assistant', content: 'The answer is \n' },
    )
    expect(body.messages).toMatchObject([{ content: [text('Hi ')] }, { content: [text('The answer is')] }])
  })
})

describe('an earlier answer', () => {
  const signed = { type: 'thinking', thinking: 'Hm.', signature: 'sig' }
  const redacted = { type: 'redacted_thinking', data: 'xyz' }

  it('goes back with its thinking first, then words and refusals, then calls', () => {
    const { body, dropped } = convert(
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: [text('Well.'), { type: 'refusal', refusal: 'No.' }],
        refusal: 'Never.',
        reasoning_content: 'Hm.',
        thinking_blocks: [signed, redacted],
        citations: [{ type: 'char_location' }],
        annotations: [],
        extra_content: { google: { thought_signature: 'x' } },
        tool_calls: [call('c', '{}')],
      },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
    )
    expect(objects(body.messages)[1]?.content).toEqual([
      signed,
      redacted,
      text('Well.'),
      text('No.'),
      text('Never.'),
      { type: 'tool_use', id: 'c', name: 'add', input: {} },
    ])
    expect(dropped).toEqual([])
  })

  it('cannot take back thinking that nobody signed', () => {
    const { dropped } = convert(
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'a', reasoning_content: 'Hm.' },
      { role: 'assistant', content: 'b', thinking_blocks: [{ type: 'thinking', thinking: 'Hm.' }] },
    )
    expect(dropped).toEqual(['messages[1].reasoning_content', 'messages[2].thinking_blocks[0]'])
  })

  it.each(['{"a":', '[1]', '"a"', 'null'])('is a fault of the client where arguments are %s', (args) => {
    const error = failure(
      { role: 'user', content: 'Hi' },
      { role: 'assistant', tool_calls: [call('c', args)] },
    )
    expect(error).toMatchObject({ status: 400, param: 'messages[1].tool_calls[0].function.arguments' })
  })
})

describe('parts', () => {
  it.each([
    ['https://example.com/a.png', { type: 'url', url: 'https://example.com/a.png' }],
    ['data:image/png;base64,AAAA', { type: 'base64', media_type: 'image/png', data: 'AAAA' }],
    ['data:image/jpg;base64,AAAA', { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' }],
  ])('turn the image %s into an image block', (url, source) => {
    expect(blocks({ type: 'image_url', image_url: { url } })).toEqual([{ type: 'image', source }])
  })

  it.each([
    [
      { file_data: 'data:application/pdf;base64,JVBE', filename: 'a.pdf' },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
        title: 'a.pdf',
      },
    ],
    [
      { file_data: 'JVBE' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' } },
    ],
    [
      { file_data: `data:text/plain;charset=utf-8;base64,${Buffer.from('naïve').toString('base64')}` },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'naïve' } },
    ],
    [
      { file_data: 'data:image/png;base64,AAAA' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
    ],
    [{ file_id: 'file_011' }, { type: 'document', source: { type: 'file', file_id: 'file_011' } }],
  ])('turn the file %j into its block', (file, block) => {
    expect(blocks({ type: 'file', file })).toEqual([block])
  })

  it('that are blocks of the API already go out as they came', () => {
    const document = {
      type: 'document',
      source: { type: 'url', url: 'https://e.com/a.pdf' },
      citations: { enabled: true },
    }
    expect(blocks(document)).toEqual([document])
  })

  it('that the API cannot express are dropped', () => {
    const { body, dropped } = convert({
      role: 'user',
      content: [
        text('Listen:'),
        { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
        { type: 'file', file: { file_data: 'data:application/zip;base64,AAAA' } },
        { type: 'constructor' },
        { type: 'image_url', image_url: { url: 'https://e.com/a.png', detail: 'high' } },
      ],
    })
    expect(dropped).toEqual([
      'messages[0].content[1]',
      'messages[0].content[2]',
      'messages[0].content[3]',
      'messages[0].content[4].image_url.detail',
    ])
    expect(body.messages).toMatchObject([{ content: [text('Listen:'), { type: 'image' }] }])
  })

  it('refuse a message of which nothing would be left', () => {
    const audio = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }
    expect(failure({ role: 'user', content: [audio] })).toMatchObject({
      status: 400,
      param: 'messages[0].content',
    })
  })

  it.each([
    [{ role: 'user', content: [{ type: 'text' }] }, 'messages[0].content[0].text'],
    [{ role: 'user', content: [{ type: 'image_url' }] }, 'messages[0].content[0].image_url.url'],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'a.png' } }] },
      'messages[0].content[0].image_url.url',
    ],
    [{ role: 'user', content: [{ type: 'file', file: {} }] }, 'messages[0].content[0].file'],
    [{ role: 'user', content: ['Hi'] }, 'messages[0].content[0]'],
    [{ role: 'user', content: null }, 'messages[0].content'],
    [{ role: 'judge', content: 'Hi' }, 'messages[0].role'],
    [{ role: 'toString', content: 'Hi' }, 'messages[0].role'],
    [{ role: 'tool', content: 'Hi' }, 'messages[0].tool_call_id'],
    [{ role: 'assistant', tool_calls: [{ id: 'c' }] }, 'messages[0].tool_calls[0].function'],
  ])('and messages that are faulty are named: %j', (message, param) => {
    expect(failure(message)).toMatchObject({ status: 400, param })
  })
})

describe('cache points', () => {
  const cache_control = { type: 'ephemeral' }

  it('stay on their part, and stand after the last block of a message that has one', () => {
    const { body, dropped } = convert(
      { role: 'system', content: 'Long.', cache_control },
      { role: 'user', content: [{ ...text('a'), cache_control }, text('b')] },
      { role: 'assistant', content: 'c', tool_calls: [call('c', '{}')], cache_control },
    )
    expect(body.system).toEqual([{ ...text('Long.'), cache_control }])
    expect(body.messages).toEqual([
      { role: 'user', content: [{ ...text('a'), cache_control }, text('b')] },
      {
        role: 'assistant',
        content: [text('c'), { type: 'tool_use', id: 'c', name: 'add', input: {}, cache_control }],
      },
    ])
    expect(dropped).toEqual([])
  })
})

it('reports fields of messages that the API does not have, unless they say nothing', () => {
  const { dropped } = convert(
    { role: 'system', content: 'a', name: 'boss' },
    { role: 'user', content: 'Hi', name: 'ann' },
    { role: 'assistant', content: 'b', name: 'bot', audio: { id: 'x' }, function_call: null, refusal: null },
  )
  expect(dropped).toEqual(['messages[0].name', 'messages[1].name', 'messages[2].name', 'messages[2].audio'])
})
