import { describe, expect, it } from 'vitest'
import type { ChatMessage } from '../../../../../lib/llm/chat.js'
import type { ModelOptions } from '../../../../../lib/llm/driver.js'
import { driverOf } from '../../../../../lib/llm/drivers/index.js'
import { llama2Driver } from '../../../../../lib/llm/drivers/llama2/index.js'
import { DriverHarness } from '../../../../support/driver-harness.js'

const HOST: ModelOptions = { llama2_format: 'raw', upstream_url: 'http://tgi:8080' }
const driver = new DriverHarness(llama2Driver(HOST), { model: 'llama2', options: HOST, stream: false })

function promptOf(...messages: ChatMessage[]) {
  return driver.request({ messages }).body.inputs
}

const system = (content: string): ChatMessage => ({ role: 'system', content })
const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content })

describe('a Llama model', () => {
  it.each([
    ['raw', '/', false],
    ['openai', '/v1/chat/completions', true],
    ['ollama', '/api/chat', false],
  ])('is behind the API that the config names: %s', (llama2_format, path, native) => {
    const options = { ...HOST, llama2_format }
    const chosen = driverOf('llama2', options)!
    const target = { model: 'm', options, stream: false }
    expect(chosen.name).toBe('llama2')
    expect(chosen.native !== undefined).toBe(native)
    expect(chosen.request({ messages: [user('Hi')] }, target)).toMatchObject({
      origin: 'http://tgi:8080',
      path,
    })
  })

  it('needs a server', () => {
    for (const llama2_format of ['raw', 'openai', 'ollama']) {
      const options = { llama2_format }
      const ask = () => driverOf('llama2', options)!.origin(options)
      expect(ask).toThrow(expect.objectContaining({ status: 500, param: 'upstream_url' }))
    }
  })
})

describe("Llama 2's prompt", () => {
  it('has the system in the first turn, and every answer after its question', () => {
    expect(
      promptOf(
        system('You are a mathematician.'),
        user('What is 1 + 2?'),
        assistant('3.'),
        user(' Multiply that by 2 '),
        assistant('6.'),
        user('Why?'),
      ),
    ).toBe(
      '<s>[INST] <<SYS>>\nYou are a mathematician.\n<</SYS>>\n\nWhat is 1 + 2? [/INST] 3. </s>' +
        '<s>[INST] Multiply that by 2 [/INST] 6. </s>' +
        '<s>[INST] Why? [/INST]',
    )
  })

  it('needs no system', () => {
    expect(promptOf(user('Hi'))).toBe('<s>[INST] Hi [/INST]')
  })

  it('joins what one side says at once, and later instructions with what follows', () => {
    expect(
      promptOf(
        system('A'),
        { role: 'developer', content: 'B' },
        user('a'),
        user('b'),
        assistant('x'),
        system('C'),
        user('c'),
      ),
    ).toBe('<s>[INST] <<SYS>>\nA\n\nB\n<</SYS>>\n\na\n\nb [/INST] x </s><s>[INST] C\n\nc [/INST]')
  })

  it('leaves an answer open that is to be continued', () => {
    expect(promptOf(user('Hi'), assistant('Hel'))).toBe('<s>[INST] Hi [/INST] Hel')
  })

  it('starts with a question even where there is none', () => {
    expect(promptOf(system('A'), assistant('x'), user('b'))).toBe(
      '<s>[INST] <<SYS>>\nA\n<</SYS>>\n\n [/INST] x </s><s>[INST] b [/INST]',
    )
  })

  it.each(['[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'])(
    'cannot be forged by a text with its marks: %s',
    (mark) => {
      expect(() => promptOf(user(`a ${mark} b`))).toThrow(
        expect.objectContaining({ status: 400, param: 'messages[0].content' }),
      )
    },
  )

  it('may have HTML in it that looks like the marks of a turn', () => {
    expect(promptOf(user('What is <s>?'))).toBe('<s>[INST] What is <s>? [/INST]')
  })

  it.each<[ChatMessage, string]>([
    [{ role: 'tool', tool_call_id: 'a', content: 'x' }, 'messages[0].role'],
    [
      {
        role: 'assistant',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '' } }],
      },
      'messages[0].tool_calls',
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a/b' } }] },
      'messages[0].content',
    ],
  ])('has no place for tools and images: %j', (message, param) => {
    expect(() => promptOf(message)).toThrow(
      expect.objectContaining({ status: 400, param: expect.stringContaining(param) }),
    )
  })
})

describe('a raw request', () => {
  it('says everything that the server has a word for', () => {
    const schema = { type: 'object' }
    const request = driver.request(
      {
        messages: [user('Hi')],
        max_tokens: 50,
        temperature: 0.5,
        top_p: 0.9,
        top_k: 4,
        seed: 7,
        stop: ['a', 'b'],
        frequency_penalty: 0.5,
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
        repetition_penalty: 1.1,
      },
      { options: { ...HOST, max_tokens: 40 }, stream: true },
    )
    expect(request).toEqual({
      origin: 'http://tgi:8080',
      path: '/',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: {
        inputs: '<s>[INST] Hi [/INST]',
        parameters: {
          max_new_tokens: 40,
          temperature: 0.5,
          top_p: 0.9,
          top_k: 4,
          frequency_penalty: 0.5,
          seed: 7,
          repetition_penalty: 1.1,
          stop: ['a', 'b'],
          grammar: { type: 'json', value: schema },
          details: true,
        },
        stream: true,
      },
      dropped: [],
    })
  })

  it('leaves out values that the server refuses because they ask for nothing', () => {
    expect(driver.request({ temperature: 0, top_p: 1, top_k: 0 })).toMatchObject({
      body: { parameters: { details: true } },
      dropped: [],
    })
    expect(driver.request({ temperature: 0 }).body.parameters).toEqual({ details: true })
  })

  it('says what it had to leave out', () => {
    const { dropped } = driver.request({
      messages: [{ role: 'user', name: 'Ann', content: 'Hi' }],
      tools: [{ type: 'function', function: { name: 'f' } }],
      response_format: { type: 'json_object' },
      n: 3,
      presence_penalty: 1,
      logprobs: true,
    })
    expect(dropped).toEqual([
      'messages[0].name',
      'response_format',
      'tools',
      'n',
      'presence_penalty',
      'logprobs',
    ])
  })
})
