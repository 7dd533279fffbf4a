import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesWith, readClientBody, textWith } from '../../../plugins/ai-proxy/client-body.js'

const read = (body: string, type?: string) => readClientBody(Buffer.from(body), type)
const NONE = { fields: {}, isJson: false }

describe("a client's body", () => {
  it.each([undefined, 'application/json', 'Application/JSON; charset=utf-8', ' application/json'])(
    'is JSON under the type %j',
    async (type) => {
      const text = '{"prompt":"你好"}'
      expect(await read(text, type)).toEqual({ fields: { prompt: '你好' }, isJson: true, text })
    },
  )

  it.each(['', '[1]', '"text"', 'null', '{"a":', '{}{}'])('is nothing where it is %j', async (body) => {
    expect(await read(body)).toEqual(NONE)
  })

  it.each(['text/plain', 'application/octet-stream', ''])('is nothing under the type %j', async (type) => {
    expect(await read('{"a":1}', type)).toEqual(NONE)
  })

  it('is a form, whose text stays text and whose JSON is JSON', async () => {
    const type = 'application/x-www-form-urlencoded; charset=utf-8'
    const form =
      'prompt=42&model=1&user=null&max_tokens=5&echo=false&stop=%5B%5D&n=&logit_bias={%22a%22:1}&note=a+b'
    expect(await read(form, type)).toEqual({
      fields: {
        prompt: '42',
        model: '1',
        user: 'null',
        max_tokens: 5,
        echo: false,
        stop: '[]',
        n: '',
        logit_bias: { a: 1 },
        note: 'a b',
      },
      isJson: false,
    })
  })

  it('is a multipart form without its files', async () => {
    const part = (name: string, value: string) =>
      `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const body = `${part('prompt', 'hi')}${part('a"; filename="b', 'bytes')}${part('n', '2')}--x--\r\n`
    expect(await read(body, 'Multipart/form-data; boundary=x')).toEqual({
      fields: { prompt: 'hi', n: 2 },
      isJson: false,
    })
    expect(await read('--y', 'multipart/form-data; boundary=x')).toEqual(NONE)
    expect(await read('', 'multipart/form-data')).toEqual(NONE)
  })

  it('names no property of every object', async () => {
    const { fields } = await read('{"__proto__":{"polluted":1},"constructor":2}')
    expect(Object.hasOwn(fields, '__proto__')).toBe(true)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    const form = await read('__proto__={"b":1}&a=2', 'application/x-www-form-urlencoded')
    expect(form.fields.a).toBe(2)
    expect(Object.getPrototypeOf(form.fields)).toBe(Object.prototype)
  })
})

describe('fields behind those of a body', () => {
  it('are there as if all were written anew', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, noNullPrototype: true })
    const space = fc.constantFrom('', ' ', '\n')
    fc.assert(
      fc.property(object, object, space, (own, fields, after) => {
        const text = `${JSON.stringify(own, null, after)}${after}`
        const all = JSON.parse(JSON.stringify({ ...own, ...fields }))
        expect(JSON.parse(textWith(fields, text))).toEqual(all)
        expect(bytesWith(fields, Buffer.from(text)).toString()).toBe(textWith(fields, text))
      }),
    )
  })
})
