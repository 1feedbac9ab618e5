import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { type ImageRegion, type ImageStrip, openImageStrips } from '../shared/images/open-image-strips.ts'
import { defaultMinSpeckContrast } from '../shared/inspection/speck-contrast.ts'
import {
  type BedSurface,
  cropScaleFor,
  estimateSize,
  type LightEstimate,
  type Polarity,
} from '../shared/vision/index.ts'
import { type ChosenThreshold, chooseThreshold } from './choose-threshold.ts'
import { createSegmenter } from './kernel/create-segmenter.ts'
import type { SegmentationMethod, SegmentationSettings, StripPellets } from './kernel/types.ts'
import { type ImagePellet, listImagePellets } from './list-image-pellets.ts'
import { brightPixels, lookAtImage } from './look-at-image.ts'

/** A gray image in memory: `width * height` bytes, row-major. */
export interface GrayImage {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

export interface SegmentImageOptions {
  /** Only this rectangle is looked at, px; coordinates of the result are still those of the image. */
  readonly roi?: ImageRegion | undefined
  /** Default: found from the histogram. */
  readonly polarity?: Polarity | undefined
  /** Gray level of the image as it is, 0..255: pellets lie beyond it, and an uneven bed is not levelled. Default: found. */
  readonly threshold?: number | undefined
  /** Diameter of a typical pellet, px; default: found from a coarse look. */
  readonly pelletDiameterPx?: number | undefined
  /** How pellets are told from the bed. Default regions. */
  readonly method?: SegmentationMethod | undefined
  /** Equivalent diameter from which black specks are reported, px. Default 0: they are not measured. */
  readonly smallestSpeckPx?: number | undefined
  /** Contrast from which a dark region of a pellet is a speck, 0.02..1. Default `defaultMinSpeckContrast`. */
  readonly minSpeckContrast?: number | undefined
  /** Rows per strip; bounds the memory. Default 1024. */
  readonly rowsPerStrip?: number | undefined
  /** Whether outlines are traced. Default true. */
  readonly outlines?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with the rows that are done and the rows in all, over all passes. */
  readonly onProgress?: ((doneRows: number, totalRows: number) => void) | undefined
}

export interface SegmentedImage {
  readonly imageWidth: number
  readonly imageHeight: number
  readonly roi: ImageRegion
  /** In the order of (last row, leftmost x). */
  readonly pellets: readonly ImagePellet[]
  readonly dust: number
  readonly shed: number
  /** What the segmentation ran with; undefined where no pellet shows, and then nothing was segmented. */
  readonly settings: SegmentationSettings | undefined
  /** Levels of the image as it is, or of the levelled one where there is a surface. */
  readonly light: LightEstimate
  /** Set where the bed was uneven and was levelled; crops and gray levels are then those of the levelled image. */
  readonly surface: BedSurface | undefined
}

/** A component smaller than this share of the median pellet is dust. */
const dustShare = 0.2
/** A component may be this many median diameters long before it counts as oversize: clusters are, a frame is longer. */
const longestClusterDiameters = 24
/** Bound of the memory for rows carried between strips. */
const maxCarriedRows = 4096
const maxPelletsPerStrip = 20_000

/**
 * Segments a whole image, read in strips: first its light (an uneven bed is
 * levelled), then a coarse look for the size of its pellets, then the
 * pellets. What the options give is not estimated. An image in which no pellet shows (constant, or a bed with noise)
 * has zero pellets, which is a valid result. Throws what `openImageStrips` throws.
 */
export async function segmentImage(
  source: string | GrayImage,
  options: SegmentImageOptions = {},
): Promise<SegmentedImage> {
  checkOptions(options)
  const { signal, onProgress } = options
  const rowsPerStrip = options.rowsPerStrip ?? 1024
  const image =
    typeof source === 'string'
      ? await openImageStrips(source, { rowsPerStrip, roi: options.roi, signal })
      : stripsOfGray(source, rowsPerStrip, options.roi, signal)
  try {
    const total = image.height * 3
    const level = options.threshold === undefined
    const look = await lookAtImage(image, level, options.polarity, (rows) => onProgress?.(rows, total))
    const place = { x: image.x, y: image.y, width: image.width, height: image.height }
    const found = { imageWidth: image.imageWidth, imageHeight: image.imageHeight, roi: place, surface: look.surface }
    const nothing = { ...found, light: look.light, pellets: [], dust: 0, shed: 0, settings: undefined }
    if (!look.light.contrasting && options.threshold === undefined) return nothing

    const chosen = await chooseThreshold(image, look, options.threshold)
    onProgress?.(2 * image.height, total)
    const size = sizeOf(chosen, options.pelletDiameterPx)
    if (size === undefined) return nothing
    const light = { ...look.light, threshold: chosen.threshold }
    const dark = light.polarity === 'dark-on-light'
    const bright = (level: number) => (dark ? 255 - level : level)
    const settings = {
      ...settingsFor(bright(chosen.threshold), size, image.height),
      bedLevel: bright(light.bedLevel),
      method: options.method ?? 'regions',
      smallestSpeckPx: options.smallestSpeckPx ?? 0,
      minSpeckContrast: options.minSpeckContrast ?? defaultMinSpeckContrast,
    }

    const segmenter = createSegmenter({ width: image.width, outlines: options.outlines ?? true })
    const pellets: ImagePellet[] = []
    let dust = 0
    let shed = 0
    const collect = (part: StripPellets): void => {
      dust += part.dust
      shed += part.shed
      for (const pellet of listImagePellets(part, image.x, image.y)) pellets.push(pellet)
    }
    for await (const strip of image.strips()) {
      collect(segmenter.push({ ...strip, pixels: brightPixels(strip, look), rowsLostBefore: 0 }, settings))
      onProgress?.(2 * image.height + strip.firstRow + strip.rows, total)
    }
    collect(segmenter.flush(settings))
    return { ...found, light, pellets, dust, shed, settings }
  } finally {
    await image.close()
  }
}

interface Size {
  readonly medianAreaPx: number
  readonly largestBoxPx: number
}

function sizeOf(chosen: ChosenThreshold, pelletDiameterPx: number | undefined): Size | undefined {
  if (pelletDiameterPx === undefined) return chosen.size
  const medianAreaPx = (Math.PI / 4) * pelletDiameterPx ** 2
  const near = chosen.components.filter(({ areaPx }) => areaPx >= 0.4 * medianAreaPx && areaPx <= 1.8 * medianAreaPx)
  return { medianAreaPx, largestBoxPx: estimateSize(near)?.largestBoxPx ?? Math.ceil(pelletDiameterPx) }
}

function settingsFor(threshold: number, size: Size, height: number): SegmentationSettings {
  const diameter = Math.sqrt((4 * size.medianAreaPx) / Math.PI)
  return {
    threshold,
    medianAreaPx: size.medianAreaPx,
    minAreaPx: Math.ceil(dustShare * size.medianAreaPx),
    cropScale: cropScaleFor(size.largestBoxPx),
    maxPelletRows: Math.min(Math.max(height, 1), maxCarriedRows, Math.ceil(longestClusterDiameters * diameter)),
    maxPelletsPerStrip,
  }
}

function stripsOfGray(
  image: GrayImage,
  rowsPerStrip: number,
  region: ImageRegion | undefined,
  signal: AbortSignal | undefined,
) {
  const { pixels, width, height } = image
  if (pixels.length !== width * height) {
    throw new PelletlineError(
      'invalid_argument',
      `image has ${pixels.length} bytes, but ${width} x ${height} px need ${width * height}`,
    )
  }
  const roi = region ?? { x: 0, y: 0, width, height }
  if (
    roi.x < 0 ||
    roi.y < 0 ||
    roi.width < 1 ||
    roi.height < 1 ||
    roi.x + roi.width > width ||
    roi.y + roi.height > height
  ) {
    throw new PelletlineError(
      'invalid_argument',
      `region of interest ${roi.x},${roi.y},${roi.width},${roi.height} does not lie in the image of ${width} x ${height} px`,
    )
  }
  async function* strips(): AsyncGenerator<ImageStrip> {
    for (let firstRow = 0; firstRow < roi.height; firstRow += rowsPerStrip) {
      signal?.throwIfAborted()
      const rows = Math.min(rowsPerStrip, roi.height - firstRow)
      const part = new Uint8Array(rows * roi.width)
      for (let row = 0; row < rows; row++) {
        const from = (roi.y + firstRow + row) * width + roi.x
        part.set(pixels.subarray(from, from + roi.width), row * roi.width)
      }
      yield { pixels: part, width: roi.width, rows, firstRow }
    }
  }
  return { ...roi, imageWidth: width, imageHeight: height, strips, close: () => Promise.resolve() }
}

function checkOptions(options: SegmentImageOptions): void {
  const { threshold, pelletDiameterPx, rowsPerStrip } = options
  if (threshold !== undefined && !(Number.isInteger(threshold) && threshold >= 0 && threshold <= 255)) {
    throw new PelletlineError(
      'invalid_argument',
      `threshold is ${threshold}; valid are whole gray levels from 0 to 255`,
    )
  }
  if (pelletDiameterPx !== undefined && !(pelletDiameterPx >= 2 && pelletDiameterPx <= 10_000)) {
    throw new PelletlineError('invalid_argument', `pelletDiameterPx is ${pelletDiameterPx}; valid are 2 to 10000 px`)
  }
  if (rowsPerStrip !== undefined && !(Number.isInteger(rowsPerStrip) && rowsPerStrip >= 1)) {
    throw new PelletlineError('invalid_argument', `rowsPerStrip is ${rowsPerStrip}; valid are whole numbers from 1`)
  }
}
