import { describe, expect, it } from 'vitest'
import { tokenModel } from '../../../../lib/llm/tokens/models.js'

describe('the encoding of a model', () => {
  it.each([
    ['gpt-4o', 'o200k_base'],
    ['gpt-4o-mini-2024-07-18', 'o200k_base'],
    ['chatgpt-4o-latest', 'o200k_base'],
    ['gpt-4.1-nano-2025-04-14', 'o200k_base'],
    ['gpt-4.5-preview', 'o200k_base'],
    ['gpt-5', 'o200k_base'],
    ['gpt-5.2-codex', 'o200k_base'],
    ['o1', 'o200k_base'],
    ['o4-mini', 'o200k_base'],
    ['openai/gpt-oss-120b', 'o200k_base'],
    ['gpt-4', 'cl100k_base'],
    ['gpt-4-0613', 'cl100k_base'],
    ['gpt-4-turbo-2024-04-09', 'cl100k_base'],
    ['gpt-3.5-turbo-instruct', 'cl100k_base'],
    ['gpt-35-turbo', 'cl100k_base'],
    ['text-embedding-3-small', 'cl100k_base'],
    ['davinci-002', 'cl100k_base'],
    ['text-davinci-003', 'p50k_base'],
    ['code-davinci-002', 'p50k_base'],
    ['text-curie-001', 'r50k_base'],
    ['davinci', 'r50k_base'],
    ['ft:gpt-4o-2024-08-06:org::id', 'o200k_base'],
    ['ft:gpt-3.5-turbo:org::id', 'cl100k_base'],
    ['openai/gpt-4', 'cl100k_base'],
    ['openrouter/openai/gpt-4o', 'o200k_base'],
    ['GPT-4', 'cl100k_base'],
  ])('of %s is its own: %s', (name, encoding) => {
    expect(tokenModel(name)).toMatchObject({ encoding, ratio: 1 })
  })

  it.each([
    ['claude-3-5-sonnet-20241022', 1.2],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 1.2],
    ['anthropic/claude-opus-4-8', 1.36],
    ['gemini-2.5-pro', 1.04],
    ['models/gemini-2.5-flash', 1.04],
    ['command-a-03-2025', 1.02],
    ['cohere.command-r-plus-v1:0', 1.02],
    ['mistral-large-latest', 1.03],
    ['mistralai/Mixtral-8x7B-Instruct-v0.1', 1.03],
    ['meta-llama/Llama-3.3-70B-Instruct', 1.01],
    ['llama3.2:1b', 1.01],
    ['qwen3-max', 1.015],
    ['deepseek-chat', 1.01],
  ])('of %s is o200k times its family’s ratio: %s', (name, ratio) => {
    expect(tokenModel(name)).toMatchObject({ encoding: 'o200k_base', ratio })
  })

  it('is that of the first name that any rule knows', () => {
    expect(tokenModel('', 'my-deployment', 'gpt-4').encoding).toBe('cl100k_base')
    expect(tokenModel('gpt-4o', 'gpt-4').encoding).toBe('o200k_base')
  })

  it('is o200k for a name that nobody knows', () => {
    expect(tokenModel('', 'my-deployment')).toMatchObject({ encoding: 'o200k_base', ratio: 1 })
  })
})
