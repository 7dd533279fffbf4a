import type { Driver } from '../driver.js'
import { isObject } from '../json.js'
import { hostLabels, selfHosted } from './host.js'
import { openAiCompatible, type OpenAiServer } from './openai/compatible.js'

/** The providers that speak OpenAI's API, each with the page that says where and how. */
const SERVERS: readonly OpenAiServer[] = [
  {
    // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    name: 'vllm',
    origin: selfHosted,
    chatPath: '/v1/chat/completions',
    completionsPath: '/v1/completions',
    quirks: { topK: true },
  },
  {
    // https://api-docs.deepseek.com/api/create-chat-completion, /create-completion
    name: 'deepseek',
    origin: 'https://api.deepseek.com:443',
    chatPath: '/v1/chat/completions',
    completionsPath: '/beta/completions',
    quirks: {
      noMaxCompletionTokens: true,
      noDeveloperRole: true,
      unsupported: ['n', 'seed', 'logit_bias', 'parallel_tool_calls', 'metadata'],
    },
  },
  {
    // https://docs.x.ai/docs/api-reference#chat-completions, /docs/guides/reasoning
    name: 'xai',
    origin: 'https://api.x.ai:443',
    chatPath: '/v1/chat/completions',
    completionsPath: '/v1/completions',
    quirks: ({ model }) => ({
      unsupported: isGrokReasoning(model)
        ? ['logit_bias', 'presence_penalty', 'frequency_penalty', 'stop']
        : ['logit_bias'],
    }),
  },
  {
    // https://inference-docs.cerebras.ai/resources/openai
    name: 'cerebras',
    origin: 'https://api.cerebras.ai:443',
    chatPath: '/v1/chat/completions',
    completionsPath: '/v1/completions',
    quirks: {
      noDeveloperRole: true,
      unsupported: ['frequency_penalty', 'presence_penalty', 'logit_bias'],
    },
  },
  {
    // https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope
    name: 'dashscope',
    origin: ({ dashscope }) =>
      isObject(dashscope) && dashscope.international === false
        ? 'https://dashscope.aliyuncs.com:443'
        : 'https://dashscope-intl.aliyuncs.com:443',
    chatPath: '/compatible-mode/v1/chat/completions',
    quirks: {
      topK: true,
      noMaxCompletionTokens: true,
      noDeveloperRole: true,
      unsupported: ['logit_bias'],
    },
  },
  {
    // https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference
    name: 'databricks',
    origin: (options) => {
      const { databricks, upstream_url: url } = options
      if (url !== undefined) return selfHosted(options)
      const id = isObject(databricks) ? databricks.workspace_instance_id : undefined
      return `https://${hostLabels(id, 'databricks.workspace_instance_id')}.cloud.databricks.com:443`
    },
    chatPath: '/serving-endpoints/v1/chat/completions',
    completionsPath: '/serving-endpoints/v1/completions',
    quirks: {
      topK: true,
      noStreamOptions: true, // usage is in every chunk
      noDeveloperRole: true,
      noMaxCompletionTokens: true,
    },
  },
  {
    // https://console.groq.com/docs/openai, /docs/api-reference#chat
    name: 'groq',
    origin: 'https://api.groq.com:443',
    chatPath: '/openai/v1/chat/completions',
    quirks: {
      noMessageNames: true,
      unsupported: ['logprobs', 'top_logprobs', 'logit_bias', 'n'],
    },
  },
  {
    // https://openrouter.ai/docs/api-reference/overview
    name: 'openrouter',
    origin: 'https://openrouter.ai:443',
    chatPath: '/api/v1/chat/completions',
    completionsPath: '/api/v1/completions',
    quirks: { topK: true },
  },
  {
    // https://docs.together.ai/reference/chat-completions-1, /reference/completions-1
    name: 'together',
    origin: 'https://api.together.xyz:443',
    chatPath: '/v1/chat/completions',
    completionsPath: '/v1/completions',
    quirks: { topK: true, noMaxCompletionTokens: true, noDeveloperRole: true },
  },
  {
    // https://docs.fireworks.ai/tools-sdks/openai-compatibility
    name: 'fireworks',
    origin: 'https://api.fireworks.ai:443',
    chatPath: '/inference/v1/chat/completions',
    completionsPath: '/inference/v1/completions',
    quirks: { topK: true, noDeveloperRole: true },
  },
  {
    // https://docs.perplexity.ai/api-reference/chat-completions-post
    name: 'perplexity',
    origin: 'https://api.perplexity.ai:443',
    chatPath: '/chat/completions',
    quirks: {
      topK: true,
      noMaxCompletionTokens: true,
      noStreamOptions: true, // usage is in every chunk
      noDeveloperRole: true,
      unsupported: [
        ['tools', 'tool_choice', 'parallel_tool_calls'],
        ['stop', 'seed', 'n', 'logit_bias', 'logprobs', 'top_logprobs'],
      ].flat(),
    },
  },
  {
    // https://platform.moonshot.ai/docs/api/chat
    name: 'moonshot',
    origin: 'https://api.moonshot.ai:443',
    chatPath: '/v1/chat/completions',
    quirks: {
      noDeveloperRole: true,
      unsupported: ['seed', 'logit_bias', 'logprobs', 'top_logprobs', 'parallel_tool_calls'],
    },
  },
]

export const compatibleProviders: readonly Driver[] = SERVERS.map(openAiCompatible)

/** All of Grok's models since the fourth think, unless their name says that they do not. */
function isGrokReasoning(model: string): boolean {
  return /^grok-(?:3-mini|[4-9]|code|build)/.test(model) && !model.includes('non-reasoning')
}
