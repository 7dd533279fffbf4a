import { awsRegion, type AwsOptions } from '../../lib/credentials/aws.js'
import { bodyCredential } from '../../lib/credentials/static.js'
import type {
  Driver,
  ModelOptions,
  NativeRequest,
  NativeRoute,
  ProviderRequest,
  Target,
} from '../../lib/llm/driver.js'
import { driverOf } from '../../lib/llm/drivers/index.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { Decoded } from '../../lib/llm/formats/format.js'
import { formats, type ClientFormat } from '../../lib/llm/formats/index.js'
import { isObject, type JsonObject } from '../../lib/llm/json.js'
import type { ClientBody } from './client-body.js'
import type { ClientRequest } from './client-request.js'
import { ownRequest, readOwnCall, type OwnCall } from './own-request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'

/** What a client asked for, checked, and resolved against the config. */
export interface ClientCall {
  /** As the client sent it, with its query; `''` where it says nothing. */
  readonly path: string
  /** Of a large one that goes on as it came perhaps without its long strings: see `wholeBody`. */
  readonly body: JsonObject
  readonly wholeBody: () => JsonObject
  /** The client sent `body` as JSON. */
  readonly isJson: boolean
  /** `undefined` where bodies pass as they are: nothing is read of them but model and stream. */
  readonly format: ClientFormat | undefined
  /** The client speaks the provider's own format (`llm_format`). */
  readonly own: OwnCall | undefined
  readonly model: string
  readonly stream: boolean
  /** The client asked for the usage chunk of a stream. */
  readonly includeUsage: boolean
}

/** A call in its provider's words. */
export interface ProviderCall {
  readonly driver: Driver
  /** The provider speaks the client's format: the answer's bytes go through untouched. */
  readonly native: boolean
  readonly request: ProviderRequest
  /** The client's own bytes can go out, with the `added` fields behind them. */
  readonly unchanged: boolean
  readonly added: JsonObject | undefined
}

/**
 * Checks a client's body against the config, in Kong's order and with Kong's words.
 *
 * @throws ChatError 400
 */
export function readCall(
  config: AiProxyConfig,
  model: AiProxyModel,
  { fields: body, isJson, whole = () => body }: ClientBody,
  { path, captures }: Pick<ClientRequest, 'path' | 'captures'>,
): ClientCall {
  const route = config.route_type
  const own = readOwnCall(config, path, captures)
  const format = own || route === 'preserve' ? undefined : formats[route]
  format?.check(body)
  const isNeeded = own ? own.api.modelIn === 'path' : route !== 'preserve'
  const name = modelName(config, model.name, own?.operation.model ?? body.model, isNeeded)
  const stream = streams(config, own?.operation.stream ?? body.stream, format !== undefined)
  const { stream_options: options } = body
  return {
    path,
    body,
    wholeBody: whole,
    isJson,
    format,
    own,
    model: name,
    stream,
    includeUsage: stream && isObject(options) && options.include_usage === true,
  }
}

function modelName(
  { route_type: route, targets = [] }: AiProxyConfig,
  configured: string | undefined,
  asked: unknown,
  isNeeded: boolean,
): string {
  const wanted = typeof asked === 'string' ? asked : ''
  const name = configured || wanted
  if (route === 'preserve') return name
  // Among several targets the model's name is one for all of them.
  const isKnown = wanted === configured || targets.some(({ model }) => model.name === wanted)
  if (configured && wanted !== '' && !isKnown) {
    throw ChatError.badRequest(`cannot use own model - must be: ${configured}`, 'model')
  }
  if (name === '' && isNeeded) {
    throw ChatError.badRequest('model parameter not found in request, nor in gateway configuration', 'model')
  }
  return name
}

/**
 * Kong's `response_streaming`; only `true` asks for a stream. `always` really streams, but where the body is not ours to
 * change.
 */
function streams({ response_streaming }: AiProxyConfig, asked: unknown, isOurs: boolean): boolean {
  if (isOurs && asked !== undefined && asked !== null && typeof asked !== 'boolean') {
    throw ChatError.badRequest("'stream' must be true or false", 'stream')
  }
  if (asked === true && response_streaming === 'deny') {
    throw ChatError.badRequest('response streaming is not enabled for this LLM', 'stream')
  }
  return asked === true || (response_streaming === 'always' && isOurs)
}

/**
 * Puts a call in the words of a target's provider. Done anew for each target.
 *
 * @param decoded the call's body, where it has been decoded already
 * @throws ChatError 400 where the request is faulty, or under `strict` where the provider cannot express a part of it
 */
export function translateCall(
  config: AiProxyConfig,
  model: AiProxyModel,
  call: ClientCall,
  decoded?: Decoded,
): ProviderCall {
  const options = driverOptions(model)
  const driver = driverOf(model.provider, options)
  if (!driver) throw new ChatError(500, `provider ${model.provider} is not supported`)
  const native = call.format ? driver.native?.[config.route_type as NativeRoute] : undefined
  const target: Target = { model: call.model, options, stream: call.stream }
  const request: NativeRequest = !call.format
    ? call.own
      ? ownRequest(driver, options, call, call.own)
      : preserved(driver, options, call)
    : native
      ? native.request(call.body, target)
      : translated(driver, decoded ?? call.format.decode(call.body), target)
  const [first] = request.dropped
  if (config.strict && first !== undefined) {
    throw ChatError.badRequest(`${driver.name} cannot express: ${request.dropped.join(', ')}`, first)
  }
  const credential = bodyCredential(config.auth ?? {}, call.body)
  const { added } = request
  const isOwn = (!request.changed || added !== undefined) && credential === undefined
  return {
    driver,
    native: native !== undefined || !call.format,
    request: credential === undefined ? request : { ...request, body: { ...request.body, ...credential } },
    // What passes as it is may be no JSON: then there is nothing that a credential could be put into.
    unchanged: call.isJson ? isOwn : !call.format,
    added,
  }
}

/** Bedrock's address needs a region, which the environment may have in place of the config. */
function driverOptions({
  provider,
  options = {},
}: Pick<AiProxyModel, 'provider'> & { options?: ModelOptions & AwsOptions }): ModelOptions {
  if (provider !== 'bedrock') return options
  const region = awsRegion(options)
  if (options.bedrock?.aws_region === region) return options
  return { ...options, bedrock: { ...options.bedrock, aws_region: region } }
}

function translated(driver: Driver, { chat, dropped }: Decoded, target: Target) {
  const request = driver.request(chat, target)
  return { ...request, dropped: [...dropped, ...request.dropped], changed: true }
}

/** Path and body are the client's own; of an `upstream_url` only scheme, host and port count, as in Kong. */
function preserved(driver: Driver, options: ModelOptions, call: ClientCall) {
  const request = driver.preserve?.(call.path, options) ?? { path: call.path }
  const origin = options.upstream_url || driver.origin(options)
  return { origin, headers: {}, ...request, body: call.body, dropped: [], changed: false }
}
