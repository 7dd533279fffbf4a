import type { Driver, ModelOptions } from '../driver.js'
import { anthropic } from './anthropic/index.js'
import { azure } from './azure/index.js'
import { bedrock } from './bedrock/index.js'
import { cohere } from './cohere/index.js'
import { compatibleProviders } from './compatible-providers.js'
import { gemini } from './gemini/index.js'
import { huggingface } from './huggingface/index.js'
import { llama2Driver } from './llama2/index.js'
import { mistralDriver } from './mistral/index.js'
import { ollama } from './ollama/index.js'
import { openai } from './openai/index.js'

/** A provider whose models are behind several APIs has a driver for each; the config says which. */
type DriverChoice = (options: ModelOptions) => Driver

const alone: readonly Driver[] = [openai, azure, anthropic, bedrock, cohere, gemini, huggingface, ollama]

const drivers: ReadonlyMap<string, DriverChoice> = new Map<string, DriverChoice>([
  ...[...alone, ...compatibleProviders].map((driver) => [driver.name, () => driver] as const),
  ['mistral', mistralDriver],
  ['llama2', llama2Driver],
])

/** Of Kong's `model.provider`. */
export const driverNames: readonly string[] = [...drivers.keys()]

/** The driver of a provider whose API is as the config's `model.options` say. */
export function driverOf(name: string, options: ModelOptions = {}): Driver | undefined {
  return drivers.get(name)?.(options)
}
