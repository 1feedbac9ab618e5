import type { ImageStrip, ImageStrips } from '../shared/images/open-image-strips.ts'
import {
  addToEdgeProfile,
  addToHistogram,
  addToSamples,
  type BedSurface,
  createEdgeProfile,
  createGrayHistogram,
  createGraySamples,
  estimateLight,
  fitBedSurface,
  type GrayHistogram,
  invertGray,
  type LightEstimate,
  levelBed,
  meanSteps,
  otsuThreshold,
  type Polarity,
} from '../shared/vision/index.ts'

/** What the first look at an image gives. Levels are those of the levelled image. */
export interface ImageLook {
  readonly histogram: GrayHistogram
  /** Mean step of the edges at each level. */
  readonly steps: Float64Array
  readonly light: LightEstimate
  /** Set where the bed is so uneven that it is levelled. */
  readonly surface: BedSurface | undefined
}

/** A bed that differs by less than this over the image, in gray levels, is taken as it is. */
const minUnevenness = 10

/**
 * Reads an image once for its histogram and its edges, and a second time where its bed is uneven (`level` allows it), then
 * with the bed levelled.
 */
export async function lookAtImage(
  image: Pick<ImageStrips, 'strips' | 'width' | 'height'>,
  level: boolean,
  polarity: Polarity | undefined,
  onRows: (rows: number) => void,
): Promise<ImageLook> {
  const known = polarity && { polarity }
  const samples = createGraySamples(image.width, image.height)
  const raw = await measure(image, (strip) => {
    addToSamples(samples, strip.pixels, strip.rows, strip.firstRow)
    onRows(strip.firstRow + strip.rows)
    return strip.pixels
  })
  const light = estimateLight(raw.histogram, known)
  if (!level) return { ...raw, light, surface: undefined }
  const otsu = otsuThreshold(raw.histogram)
  const sign = light.polarity === 'light-on-dark' ? 1 : -1
  const split = (otsu - light.bedLevel) * sign > 0 ? otsu : light.threshold
  const surface = fitBedSurface(samples, split, light.polarity)
  if (surface === undefined || surface.range < minUnevenness) return { ...raw, light, surface: undefined }
  const levelled = await measure(image, (strip) => levelledPixels(strip, surface))
  return { ...levelled, light: estimateLight(levelled.histogram, { polarity: light.polarity }), surface }
}

async function measure(
  image: Pick<ImageStrips, 'strips'>,
  pixelsOf: (strip: ImageStrip) => Uint8Array,
): Promise<{ readonly histogram: GrayHistogram; readonly steps: Float64Array }> {
  const histogram = createGrayHistogram()
  const edges = createEdgeProfile()
  for await (const strip of image.strips()) {
    const pixels = pixelsOf(strip)
    addToHistogram(histogram, pixels)
    addToEdgeProfile(edges, pixels, strip.width, strip.rows)
  }
  return { histogram, steps: meanSteps(edges) }
}

/** A strip's pixels as the segmentation wants them: the bed levelled where it is uneven, pellets brighter than it. */
export function brightPixels(strip: ImageStrip, look: Pick<ImageLook, 'light' | 'surface'>): Uint8Array {
  const dark = look.light.polarity === 'dark-on-light'
  if (look.surface === undefined && !dark) return strip.pixels
  const pixels = look.surface === undefined ? strip.pixels.slice() : levelledPixels(strip, look.surface)
  if (dark) invertGray(pixels)
  return pixels
}

function levelledPixels(strip: ImageStrip, surface: BedSurface): Uint8Array {
  const levelled = new Uint8Array(strip.pixels.length)
  levelBed(strip.pixels, surface, strip.rows, strip.firstRow, levelled)
  return levelled
}
