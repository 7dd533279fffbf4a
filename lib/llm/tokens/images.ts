import { imageSize, type ImageSize } from './image-size.js'
import type { ImageRule, TokenModel } from './models.js'

/** What an image is taken for whose size is not in the request: one that is fetched from the network. */
const UNKNOWN_SIZE: ImageSize = { width: 1024, height: 1024 }

/** OpenAI's tiles of 512 pixels: tokens of the image, and of each tile in high detail. */
const TILES: Readonly<Partial<Record<ImageRule, readonly [base: number, tile: number]>>> = {
  tiles: [85, 170],
  'tiles-mini': [2833, 5667],
  'tiles-o': [75, 150],
  'tiles-gpt5': [70, 140],
}

/**
 * The tokens of an image in a request, by the formulas that the providers have published. `detail` is OpenAI's: `low`,
 * or anything else for high.
 *
 * Sources: https://platform.openai.com/docs/guides/images-vision#calculating-costs,
 * https://docs.claude.com/en/docs/build-with-claude/vision#calculate-image-costs,
 * https://ai.google.dev/gemini-api/docs/image-understanding#token-calculation
 */
export function imageTokens(url: string, detail: unknown, model: TokenModel): number {
  const size = imageSize(url) ?? UNKNOWN_SIZE
  switch (model.images) {
    case 'claude':
      return claude(size)
    case 'gemini':
      return gemini(size)
    case 'patches':
      return Math.ceil(patches(size) * model.patchFactor)
    default: {
      const [base, tile] = TILES[model.images]!
      return detail === 'low' ? base : base + tile * tiles(size)
    }
  }
}

/** Scaled into a square of 2048, then to a short side of 768. Nothing is scaled up. */
function tiles({ width, height }: ImageSize): number {
  const fit = Math.min(1, 2048 / Math.max(width, height))
  const scale = fit * Math.min(1, 768 / (Math.min(width, height) * fit))
  return Math.ceil(Math.round(width * scale) / 512) * Math.ceil(Math.round(height * scale) / 512)
}

const MAX_PATCHES = 1536

/** Patches of 32 pixels; of a larger image as many as it has once it is scaled down to the most there may be. */
function patches({ width, height }: ImageSize): number {
  const across = Math.ceil(width / 32)
  const down = Math.ceil(height / 32)
  if (across * down <= MAX_PATCHES) return across * down
  const shrink = Math.sqrt((MAX_PATCHES * 32 * 32) / (width * height))
  const [wide, high] = [(width * shrink) / 32, (height * shrink) / 32]
  const whole = Math.min(Math.max(1, Math.floor(wide)) / wide, Math.max(1, Math.floor(high)) / high)
  return Math.min(MAX_PATCHES, Math.ceil(wide * whole) * Math.ceil(high * whole))
}

/** A token for 750 pixels, of an image that is scaled to a long side of 1568 and to 1.15 megapixels. */
function claude({ width, height }: ImageSize): number {
  const scale = Math.min(1, 1568 / Math.max(width, height))
  return Math.min(1600, Math.ceil((width * scale * height * scale) / 750))
}

/** 258 for a small image and for each tile of a larger one; tiles are two thirds of the short side, 256 to 768 pixels. */
function gemini({ width, height }: ImageSize): number {
  if (width <= 384 && height <= 384) return 258
  const unit = Math.min(768, Math.max(256, Math.floor(Math.min(width, height) / 1.5)))
  return 258 * Math.ceil(width / unit) * Math.ceil(height / unit)
}
