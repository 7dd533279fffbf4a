import type { Driver } from '../../driver.js'
import { convertError } from './error.js'
import { remoteImages } from '../remote-images.js'
import { originOf, prepareRequest } from './request.js'
import { translateResponse } from './response.js'
import { ConverseTranslator } from './stream.js'

/** Amazon Bedrock's Converse API: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
export const bedrock: Driver = {
  name: 'bedrock',
  origin: originOf,
  remoteImages,
  request: prepareRequest,
  response: translateResponse,
  error: convertError,
  frames: (contentType) =>
    contentType === 'application/vnd.amazon.eventstream' ? 'aws-event-stream' : undefined,
  stream: (sink) => new ConverseTranslator(sink),
}
