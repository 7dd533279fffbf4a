import { driverOf } from '../../lib/llm/drivers/index.js'
import type { RemoteImage } from '../../lib/llm/driver.js'
import { ChatError } from '../../lib/llm/errors.js'
import type { Decoded } from '../../lib/llm/formats/format.js'
import type { ClientCall } from './request.js'
import type { AiProxyConfig, AiProxyModel } from './schema.js'
import { fetchPublic, PublicFetchError } from './public-fetch.js'

/** Of one request. */
const MAX_IMAGES = 20

/** Whether the provider takes images only as data. */
export function takesImagesAsData({ provider, options }: AiProxyModel): boolean {
  return driverOf(provider, options)?.remoteImages !== undefined
}

/**
 * Where the provider takes images only as data, fetches those that the request names by a URL, and puts them into it.
 *
 * @returns the request as it was read for that; undefined if it was not
 * @throws ChatError 400 that names the image where one cannot be had, or where the config does not let us
 */
export async function fetchImages(
  { fetch_images }: AiProxyConfig,
  { provider, options }: AiProxyModel,
  { format, body }: ClientCall,
): Promise<Decoded | undefined> {
  const driver = driverOf(provider, options)
  if (!format || !driver?.remoteImages) return undefined
  // Decoded or not, the parts are the same objects: what is put into one is in the body.
  const decoded = format.decode(body)
  const images = driver.remoteImages(decoded.chat)
  const [first] = images
  if (!first) return decoded
  if (!fetch_images) {
    const message = `${provider} takes images as data URLs only, and config.fetch_images does not let the gateway fetch any`
    throw ChatError.badRequest(message, first.path)
  }
  await inlineImages(images)
  return decoded
}

async function inlineImages(images: readonly RemoteImage[]): Promise<void> {
  const excess = images[MAX_IMAGES]
  if (excess) throw ChatError.badRequest(`more than ${MAX_IMAGES} images to fetch`, excess.path)
  const abort = new AbortController()
  try {
    await Promise.all(images.map((image) => inlineImage(image, abort.signal)))
  } catch (error) {
    abort.abort() // none of the others is of use any more
    throw error
  }
}

async function inlineImage(image: RemoteImage, signal: AbortSignal): Promise<void> {
  try {
    const { type, bytes } = await fetchPublic(image.url, 'image/', signal)
    image.inline(`data:${type};base64,${bytes.toString('base64')}`)
  } catch (error) {
    if (!(error instanceof PublicFetchError)) throw error
    throw ChatError.badRequest(`the image could not be fetched: ${error.message}`, image.path)
  }
}
