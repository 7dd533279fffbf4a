import { describe, expect, it } from 'vitest'
import { gemini } from '../../../../../lib/llm/drivers/gemini/index.js'
import { DriverHarness, fixtureObject } from '../../../../support/driver-harness.js'

const driver = new DriverHarness(gemini, { model: 'gemini-2.5-flash', options: {}, stream: false })

describe('Gemini, where a request goes', () => {
  it('names the public API, the model and the operation', () => {
    const { origin, path, headers } = driver.request({})
    expect(origin).toBe('https://generativelanguage.googleapis.com:443')
    expect(path).toBe('/v1beta/models/gemini-2.5-flash:generateContent')
    expect(headers).toEqual({ 'content-type': 'application/json', accept: 'application/json' })
  })

  it('asks for a stream as server-sent events', () => {
    const { path, headers } = driver.request({}, { stream: true })
    expect(path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse')
    expect(headers.accept).toBe('text/event-stream')
  })

  it('names Vertex AI where all three options are set', () => {
    const options = {
      gemini: {
        api_endpoint: 'europe-west1-aiplatform.googleapis.com',
        project_id: 'p/1',
        location_id: 'europe-west1',
      },
    }
    const { origin, path } = driver.request({}, { options })
    expect(origin).toBe('https://europe-west1-aiplatform.googleapis.com:443')
    expect(path).toBe(
      '/v1/projects/p%2F1/locations/europe-west1/publishers/google/models/gemini-2.5-flash:generateContent',
    )
  })

  it.each(['api_endpoint', 'project_id', 'location_id'])(
    'stays with the public API without %s',
    (missing) => {
      const { [missing]: _, ...gemini } = {
        api_endpoint: 'v.example',
        project_id: 'p',
        location_id: 'l',
      } as Record<string, string>
      expect(driver.request({}, { options: { gemini } }).origin).toBe(
        'https://generativelanguage.googleapis.com:443',
      )
    },
  )

  it('keeps a model that is not one segment from reaching another path', () => {
    expect(driver.request({}, { model: '../../files?x=1#' }).path).toBe(
      '/v1beta/models/..%2F..%2Ffiles%3Fx%3D1%23:generateContent',
    )
  })

  it('connects to nothing that is not a host name', () => {
    const options = { gemini: { api_endpoint: 'evil.example/x?', project_id: 'p', location_id: 'l' } }
    expect(() => driver.request({}, { options })).toThrow(expect.objectContaining({ status: 500 }))
  })
})

describe('Gemini, what a request says', () => {
  it('says all that the API can express', () => {
    const { body, dropped } = driver.request({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
        { role: 'user', content: 'Hi' },
      ],
      max_completion_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: 'END',
      seed: 7,
      n: 2,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      reasoning_effort: 'medium',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', schema: { type: 'object', additionalProperties: false }, strict: true },
      },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
      cached_content: 'cachedContents/1',
      generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' },
    })
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
      generationConfig: {
        maxOutputTokens: 100,
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        stopSequences: ['END'],
        seed: 7,
        candidateCount: 2,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        responseLogprobs: true,
        logprobs: 3,
        thinkingConfig: { thinkingBudget: 4096, includeThoughts: true },
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object', additionalProperties: false },
        mediaResolution: 'MEDIA_RESOLUTION_LOW',
      },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
      cachedContent: 'cachedContents/1',
    })
    expect(dropped).toEqual([])
  })

  it('drops nothing of what says how to answer', () => {
    const { dropped } = driver.request({ model: 'x', stream: true, stream_options: { include_usage: true } })
    expect(dropped).toEqual([])
  })

  it("takes Google's own fields in both of their spellings", () => {
    const settings = [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }]
    expect(driver.request({ safety_settings: settings }).body).toEqual(
      driver.request({ safetySettings: settings }).body,
    )
    expect(driver.request({ safety_settings: settings }).body.safetySettings).toEqual(settings)
  })

  it('adds nothing to what was asked', () => {
    expect(driver.request({ n: 1, logprobs: false, stop: [] }).body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    })
  })

  it("makes of Kong's canonical request what Kong makes of it", () => {
    const { messages } = fixtureObject('kong/unit/requests/llm-v1-chat.json') as never
    const options = { max_tokens: 8192, temperature: 0.8, top_k: 1, top_p: 0.6 }
    expect(driver.request({ messages }, { options }).body).toEqual(
      fixtureObject('kong/unit/expected-requests/gemini/llm-v1-chat.json'),
    )
  })

  it("takes the request's sampling before the config's, and the smaller limit of both", () => {
    const options = { max_tokens: 50, temperature: 0.1, top_p: 0.2, top_k: 3 }
    const { body } = driver.request({ max_tokens: 100, temperature: 0, top_k: 9 }, { options })
    expect(body.generationConfig).toEqual({ maxOutputTokens: 50, temperature: 0, topP: 0.2, topK: 9 })
  })

  it('asks for JSON without a schema', () => {
    expect(driver.request({ response_format: { type: 'json_object' } }).body.generationConfig).toEqual({
      responseMimeType: 'application/json',
    })
  })

  it('reports what it cannot say', () => {
    const { dropped } = driver.request({
      messages: [{ role: 'user', content: 'Hi', name: 'Ann' }],
      user: 'ann',
      logit_bias: { '1': 2 },
      metadata: { a: 'b' },
      service_tier: 'flex',
      store: false,
    })
    expect(dropped).toEqual(['messages[0].name', 'user', 'logit_bias', 'metadata', 'service_tier'])
  })

  describe('asks to think', () => {
    it.each([
      ['gemini-2.5-flash', 'none', { thinkingBudget: 0, includeThoughts: false }],
      ['gemini-2.5-pro', 'none', { thinkingBudget: 128, includeThoughts: false }],
      ['gemini-2.5-flash', 'minimal', { thinkingBudget: 512, includeThoughts: true }],
      ['gemini-2.5-flash', 'low', { thinkingBudget: 1024, includeThoughts: true }],
      ['gemini-2.5-flash', 'high', { thinkingBudget: 16384, includeThoughts: true }],
      ['gemini-3-flash-preview', 'none', { thinkingLevel: 'MINIMAL', includeThoughts: false }],
      ['gemini-3-pro-preview', 'minimal', { thinkingLevel: 'LOW', includeThoughts: true }],
      ['gemini-3-pro-preview', 'high', { thinkingLevel: 'HIGH', includeThoughts: true }],
      ['gemini-flash-latest', 'medium', { thinkingLevel: 'MEDIUM', includeThoughts: true }],
    ])('%s, with effort %s', (model, reasoning_effort, thinkingConfig) => {
      const { body, dropped } = driver.request({ reasoning_effort }, { model })
      expect(body.generationConfig).toEqual({ thinkingConfig })
      expect(dropped).toEqual([])
    })

    it.each(['gemini-1.5-pro', 'gemini-2.0-flash', 'gemma-3-27b-it'])('not %s, which cannot', (model) => {
      const { body, dropped } = driver.request({ reasoning_effort: 'low' }, { model })
      expect(body.generationConfig).toBeUndefined()
      expect(dropped).toEqual(['reasoning_effort'])
    })
  })
})
