import { describe, expect, it } from 'vitest'
import { operationOf } from '../../../plugins/ai-proxy/operation.js'

describe('the operation of a path', () => {
  it.each([
    ['/v1/chat/completions', 'chat'],
    ['/openai/deployments/d/chat/completions?api-version=2024-10-21', 'chat'],
    ['/v1/responses', 'chat'],
    ['/v1/messages?beta=true', 'chat'],
    ['/v2/chat', 'chat'],
    ['/model/m/converse-stream', 'chat'],
    ['/v1/completions', 'text_completion'],
    ['/generate_stream', 'text_completion'],
    ['/v1beta/models/m:generateContent', 'generate_content'],
    ['/v1beta/models/m:streamGenerateContent?alt=sse', 'generate_content'],
    ['/v1/embeddings', 'embeddings'],
    ['/v1beta/models/m:batchEmbedContents', 'embeddings'],
    ['/v1/vector_stores/vs_1/search', 'retrieval'],
    ['/v2/rerank', 'rerank'],
    ['/v1/messages/count_tokens', 'count_tokens'],
  ])('%s: %s', (path, operation) => {
    expect(operationOf(path)).toBe(operation)
  })

  it.each(['/', '', '/v1/models', '/v1/files/chat', '/v1/audio/transcriptions', '/model/m/invoke'])(
    'is not known where the path says nothing of it: %s',
    (path) => {
      expect(operationOf(path)).toBe('unknown')
    },
  )
})
