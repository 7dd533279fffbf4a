import type { Driver, ModelOptions } from '../../driver.js'
import { ChatError } from '../../errors.js'
import { encodeSegment } from '../../endpoint.js'
import { hostLabels } from '../host.js'
import { openAiCompatible } from '../openai/compatible.js'
import { REASONING_MODELS } from '../openai/index.js'
import { apiVersion, knowsStreamOptions } from './api-version.js'

/**
 * Azure OpenAI: OpenAI's own bodies, with the deployment in the path. In the v1 API the deployment is the model in the
 * body instead.
 *
 * Sources: https://learn.microsoft.com/azure/ai-foundry/openai/reference (dated versions) and
 * https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (v1)
 */
const server = openAiCompatible({
  name: 'azure',
  origin: ({ azure_instance: instance }) =>
    `https://${hostLabels(instance, 'azure_instance')}.openai.azure.com:443`,
  base,
  chatPath: (options) => `/chat/completions${query(options)}`,
  completionsPath: (options) => `/completions${query(options)}`,
  quirks: ({ options }) => ({
    reasoningModels: REASONING_MODELS,
    noStreamOptions: !knowsStreamOptions(apiVersion(options)),
  }),
  model: ({ model, options }) => (apiVersion(options).kind === 'v1' ? deployment(options) : model),
})

export const azure: Driver = {
  ...server,
  preserve(path, options) {
    const hasVersion = new URLSearchParams(path.split('?')[1]).has('api-version')
    const added = hasVersion ? '' : query(options)
    return { path: path + (path.includes('?') ? added.replace('?', '&') : added), base: base(options) }
  },
}

function base(options: ModelOptions): string {
  if (apiVersion(options).kind === 'v1') return '/openai/v1'
  return `/openai/deployments/${encodeSegment(deployment(options), 'azure_deployment_id')}`
}

function query(options: ModelOptions): string {
  const { value } = apiVersion(options)
  return value === undefined ? '' : `?api-version=${encodeURIComponent(value)}`
}

function deployment({ azure_deployment_id: id }: ModelOptions): string {
  if (typeof id === 'string' && id !== '') return id
  throw new ChatError(500, "'model.options.azure_deployment_id' must be set", {
    param: 'azure_deployment_id',
  })
}
