import type { Driver } from '../driver.js'
import { anthropic } from './anthropic/index.js'
import { bedrock } from './bedrock/index.js'
import { gemini } from './gemini/index.js'
import { openai } from './openai/index.js'

const drivers: ReadonlyMap<string, Driver> = new Map(
  [openai, anthropic, bedrock, gemini].map((driver) => [driver.name, driver]),
)

/** Of Kong's `model.provider`. */
export const driverNames: readonly string[] = [...drivers.keys()]

export function driverOf(name: string): Driver | undefined {
  return drivers.get(name)
}
