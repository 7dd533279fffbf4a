import { describe, expect, it } from 'vitest'
import { openai } from '../../../lib/llm/drivers/openai/index.js'
import { ErrorAnswer } from '../../../plugins/ai-proxy/error-answer.js'

const bytes = (text: string) => Buffer.from(text)

describe('an error answer', () => {
  it('says nothing until it is whole, however it is cut', () => {
    const answer = new ErrorAnswer(openai, 429, '7')
    for (const byte of bytes('{"error":{"message":"zu viel: 你好"}}')) answer.push(Buffer.from([byte]))
    expect([answer.state, answer.error, answer.read()]).toEqual(['held', undefined, undefined])
    answer.end()
    expect(answer.state).toBe('failed')
    expect(answer.error).toMatchObject({ status: 429, message: 'zu viel: 你好', retryAfter: '7' })
    expect(answer.read()).toBeUndefined()
  })

  it('is not released by the end of a hold', () => {
    const answer = new ErrorAnswer(openai, 500, undefined)
    answer.release()
    expect(answer.state).toBe('held')
  })

  it('keeps its status where the connection breaks', () => {
    const answer = new ErrorAnswer(openai, 401, undefined)
    answer.push(bytes('{"err'))
    answer.fail()
    expect(answer.error).toMatchObject({ status: 401, retryAfter: undefined })
  })

  it('is over at 64 KB, and stays so', () => {
    const answer = new ErrorAnswer(openai, 500, undefined)
    for (let i = 0; i < 4; i++) answer.push(bytes('<'.repeat(16 * 1024)))
    expect(answer.state).toBe('failed')
    const { error } = answer
    answer.end()
    answer.fail()
    expect(answer.error).toBe(error)
  })

  it.each([100, 204, 302, 304, 600, 999])('is a 502 where the status %i is none of an error', (status) => {
    const answer = new ErrorAnswer(openai, status, undefined)
    answer.end()
    expect(answer.error).toMatchObject({ status: 502, code: 'unexpected_status' })
  })
})
