import { describe, expect, it } from 'vitest'
import { createAnswer } from '../../../../../lib/llm/answers/index.js'
import type { ModelOptions } from '../../../../../lib/llm/driver.js'
import { azure } from '../../../../../lib/llm/drivers/azure/index.js'
import { resolveEndpoint } from '../../../../../lib/llm/endpoint.js'
import { byteByByte } from '../../../../support/cuts.js'
import { readAsClient, recordedChunks, sse, through } from '../../../../support/streams.js'

const OPTIONS = { azure_instance: 'ours', azure_deployment_id: 'my gpt', azure_api_version: '2024-10-21' }
const MESSAGES = [{ role: 'user' as const, content: 'Hi' }]

function ask(options: ModelOptions = {}, model = 'gpt-4o', stream = false) {
  const target = { model, options: { ...OPTIONS, ...options }, stream }
  return azure.native!['llm/v1/chat']!.request({ messages: MESSAGES }, target)
}

describe('Azure', () => {
  it('has the deployment in its path and the version in its query', () => {
    expect(ask()).toMatchObject({
      origin: 'https://ours.openai.azure.com:443',
      path: '/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21',
      base: '/openai/deployments/my%20gpt',
      body: { model: 'gpt-4o', messages: MESSAGES },
      dropped: [],
    })
    const target = { model: 'gpt-4o', options: OPTIONS, stream: false }
    expect(azure.native!['llm/v1/completions']!.request({ prompt: 'Hi' }, target).path).toBe(
      '/openai/deployments/my%20gpt/completions?api-version=2024-10-21',
    )
  })

  it("has Kong's version where the config names none", () => {
    expect(ask({ azure_api_version: undefined }).path).toMatch(/api-version=2023-05-15$/)
  })

  it.each([
    ['v1', ''],
    ['latest', ''],
    ['preview', '?api-version=preview'],
  ])('takes the deployment for the model in the v1 API: %s', (version, query) => {
    const { path, base, body } = ask({ azure_api_version: version })
    expect({ path, base }).toEqual({ path: `/openai/v1/chat/completions${query}`, base: '/openai/v1' })
    expect(body.model).toBe('my gpt')
  })

  it('limits the tokens of reasoning models under the name that they know, whatever the deployment is called', () => {
    expect(ask({ max_tokens: 5 }, 'gpt-5-mini').body).toMatchObject({ max_completion_tokens: 5 })
    expect(ask({ max_tokens: 5, azure_api_version: 'v1' }, 'o3').body).toMatchObject({
      model: 'my gpt',
      max_completion_tokens: 5,
    })
  })

  it.each([
    ['2023-05-15', false],
    ['2024-08-01-preview', false],
    ['2024-09-01-preview', true],
    ['2024-10-21', true],
    ['v1', true],
  ])('asks for usage in streams of versions that know how: %s', (version, asks) => {
    const { body } = ask({ azure_api_version: version }, 'gpt-4o', true)
    expect(body.stream_options).toEqual(asks ? { include_usage: true } : undefined)
  })

  it('puts a configured path below the deployment, and keeps the version', () => {
    const options = { ...OPTIONS, upstream_path: '/images/generations?x=1' }
    expect(resolveEndpoint(ask(options), options)).toMatchObject({
      host: 'ours.openai.azure.com',
      path: '/openai/deployments/my%20gpt/images/generations',
      rawQuery: 'x=1&api-version=2024-10-21',
    })
  })

  it("adds the version to a path that passes as it is, unless it is the client's", () => {
    expect(azure.preserve!('/a', OPTIONS).path).toBe('/a?api-version=2024-10-21')
    expect(azure.preserve!('/a?b=1', OPTIONS).path).toBe('/a?b=1&api-version=2024-10-21')
    expect(azure.preserve!('/a?api-version=x', OPTIONS).path).toBe('/a?api-version=x')
  })

  it.each(['evil.com/', 'a@b', 'a:1', '.x', '', undefined])(
    'refuses an instance that is no part of a host name: %j',
    (azure_instance) => {
      const options = { ...OPTIONS, azure_instance }
      expect(() => ask(options)).toThrow(expect.objectContaining({ status: 500, param: 'azure_instance' }))
    },
  )

  it('refuses a deployment that would be another path', () => {
    expect(() => ask({ azure_deployment_id: '..' })).toThrow(
      expect.objectContaining({ status: 400, param: 'azure_deployment_id' }),
    )
    expect(() => ask({ azure_deployment_id: '' })).toThrow(
      expect.objectContaining({ status: 500, param: 'azure_deployment_id' }),
    )
  })

  it('lets streams pass with its first chunk that has no choices, and what its filters say', () => {
    const chunks = recordedChunks('recorded/openai/azure-model-router.1.chunks.txt')
    const bytes = sse(chunks)
    const answer = createAnswer({
      driver: azure,
      route: 'llm/v1/chat',
      native: true,
      stream: true,
      contentType: 'text/event-stream',
      model: 'router',
      includeUsage: true,
    })
    const client = readAsClient(through(answer, byteByByte(bytes)))
    expect(client.chunks).toEqual(chunks)
    expect(client.done).toBe(true)
    expect(answer.facts).toMatchObject({
      model: 'gpt-5-nano-2025-08-07',
      finishReasons: ['stop'],
      usage: { prompt_tokens: 15, completion_tokens: 78, total_tokens: 93 },
      unknownFrames: 0,
    })
  })
})
