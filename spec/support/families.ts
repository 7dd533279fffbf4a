import type { JsonObject } from '../../lib/llm/json.js'
import { startMock } from '../../lib/mock/server.js'
import { aiConfig, aiGateway, messages, post } from './ai-gateway.js'
import { closing } from './closing.js'
import { object, objects, parseObject } from './json.js'
import { readAsClient } from './streams.js'

const AWS = { aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: 'secret' }

/** A provider of each API that there is a driver for, as `ai-proxy` is configured for it. */
const CONFIGS: Readonly<Record<string, { model: JsonObject; auth?: JsonObject }>> = {
  openai: { model: {} },
  azure: { model: { options: { azure_instance: 'i', azure_deployment_id: 'd' } } },
  anthropic: { model: {} },
  bedrock: { model: { options: { bedrock: { aws_region: 'us-east-1' } } }, auth: AWS },
  cohere: { model: {} },
  gemini: { model: {} },
  huggingface: { model: {} },
  mistral: { model: { options: { mistral_format: 'openai' } } },
  ollama: { model: {} },
  llama2: { model: { options: { llama2_format: 'ollama' } } },
  deepseek: { model: {} },
}

export const FAMILIES = Object.keys(CONFIGS)

export function familyConfig(provider: string, url: string, more: JsonObject = {}): JsonObject {
  const { model, auth } = CONFIGS[provider]!
  return aiConfig(url, { model: { provider, name: 'some-model', ...model }, ...(auth && { auth }), ...more })
}

/** The bytes of a provider's answer. */
export interface Recorded {
  status: number
  contentType: string
  body: Buffer
}

/** What the mock of a provider answers; `name` may ask it for an error, `asked` for something else than much text. */
export async function recorded(
  provider: string,
  stream: boolean,
  name = 'some-model',
  asked: JsonObject = {},
): Promise<Recorded> {
  const mock = closing(await startMock({ pace: 0 }))
  const config = familyConfig(provider, mock.url)
  const model = object(config.model)
  model.name = name
  if (provider === 'azure') object(model.options).azure_deployment_id = name
  await (await post(await aiGateway(config), { messages, stream, ...asked })).text()
  const { path, query, headers, body } = mock.requests[0]!
  const { 'content-length': _, 'transfer-encoding': __, connection: ___, ...kept } = headers
  const response = await fetch(`${mock.url}${path}${query && `?${query}`}`, {
    method: 'POST',
    headers: kept as Record<string, string>,
    body: JSON.stringify(body),
  })
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    body: Buffer.from(await response.arrayBuffer()),
  }
}

/** An answer of the gateway as its client understands it. */
export interface Outcome {
  status: number
  /** The answer says of itself that it is whole. */
  complete: boolean
  /** The text that came. */
  text: string
  finish: unknown
  error: JsonObject | undefined
}

/** Reads an answer to its end. Demands OpenAI's shape of whatever it is; a body that breaks off rejects. */
export async function outcome(response: Response): Promise<Outcome> {
  const { status } = response
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.headers.get('content-type') === 'text/event-stream') {
    const { whole, error, done } = readAsClient(dataOf(bytes))
    if (done === (error !== undefined)) throw new Error(`neither whole nor failed: ${bytes.toString()}`)
    return { status, complete: done, ...said(whole), error }
  }
  const body = parseObject(bytes.toString())
  if (status === 200) return { status, complete: true, ...said(body), error: undefined }
  const { message, type } = object(body.error)
  if (typeof message !== 'string' || typeof type !== 'string')
    throw new Error(`no error: ${bytes.toString()}`)
  return { status, complete: false, text: '', finish: undefined, error: object(body.error) }
}

/** The events without those that have no data, which no client sees. */
function dataOf(stream: Buffer): Buffer {
  return Buffer.from(
    stream
      .toString()
      .split(/(?<=\n\n)/)
      .filter((event) => /^data:/m.test(event))
      .join(''),
  )
}

function said(completion: JsonObject): { text: string; finish: unknown } {
  const [choice] = objects(completion.choices)
  const content = choice && object(choice.message).content
  return { text: typeof content === 'string' ? content : '', finish: choice?.finish_reason }
}
