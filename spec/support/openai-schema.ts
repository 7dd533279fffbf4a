import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

/** OpenAI's published schema of its answers, unknown properties refused, with the extras that the README documents. */
const schema: { $defs: Record<string, { properties: Record<string, unknown> }> } = JSON.parse(
  readFileSync(new URL('../fixtures/openai/responses.schema.json', import.meta.url), 'utf8'),
)

const MESSAGE_EXTRAS = {
  reasoning_content: { type: 'string' },
  thinking_blocks: { type: 'array' },
  citations: { type: 'array' },
}
const EXTRAS: Record<string, Record<string, unknown>> = {
  ChatCompletionResponseMessage: MESSAGE_EXTRAS,
  ChatCompletionStreamResponseDelta: { ...MESSAGE_EXTRAS, annotations: { type: 'array' } },
  ChatCompletionMessageToolCall: { extra_content: { type: 'object' } },
  ChatCompletionMessageToolCallChunk: { extra_content: { type: 'object' } },
}
for (const [name, extras] of Object.entries(EXTRAS)) Object.assign(schema.$defs[name]!.properties, extras)

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema(schema, 'openai')

function faultsBy(name: string): (value: unknown) => string[] {
  const validate = ajv.getSchema(`openai#/$defs/${name}`)!
  return (value) => (validate(value) === true ? [] : (validate.errors ?? []).map(describe))
}

function describe({
  instancePath,
  message,
  params,
}: {
  instancePath: string
  message?: string
  params: object
}) {
  return `${instancePath} ${message} ${JSON.stringify(params)}`
}

/** What is wrong with an object by OpenAI's schema; nothing if it is right. */
export const faultsOfChunk = faultsBy('CreateChatCompletionStreamResponse')
export const faultsOfCompletion = faultsBy('CreateChatCompletionResponse')
export const faultsOfTextCompletion = faultsBy('CreateCompletionResponse')
