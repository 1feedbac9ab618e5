import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type SegmentImageOptions, segmentImage } from '../segment-image.ts'
import { matchObjects } from './match-objects.ts'
import { rasterisePolygons } from './rasterise-polygon.ts'
import { readCoco } from './read-coco.ts'

export interface EvaluateSegmentationOptions {
  /** Folder of the images that the COCO file names. */
  readonly imagesDir: string
  readonly cocoPath: string
  /** A found pellet is the annotated one from this intersection over union on. Default 0.5. */
  readonly minIou?: number | undefined
  /** Settings for every image; what is not given is estimated per image. */
  readonly segmentation?: Omit<SegmentImageOptions, 'outlines' | 'signal' | 'onProgress'> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onImage?: ((evaluation: ImageEvaluation) => void) | undefined
}

/** How what was found in one image agrees with what was annotated. */
export interface ImageEvaluation {
  readonly image: string
  readonly annotated: number
  readonly found: number
  readonly matched: number
  /** matched / annotated; 1 where nothing was annotated. */
  readonly recall: number
  /** matched / found; 1 where nothing was found. */
  readonly precision: number
  /** found - annotated. */
  readonly countError: number
  /** Decoding, both coarse passes and the segmentation, ms per 10^6 pixels. */
  readonly msPerMegapixel: number
  /** Mean IoU of the matched; 0 where none is. */
  readonly meanIou: number
}

export interface SegmentationEvaluation {
  readonly images: readonly ImageEvaluation[]
  /** Over the objects of all images; `image` is 'total', countError the sum of the absolute errors. */
  readonly total: ImageEvaluation
}

/**
 * Segments every image of a COCO file and compares the outlines with the annotated polygons, both as pixel masks, matched
 * one to one by descending IoU. Every pellet counts, also those without a crop (touching the image's border, clusters
 * that could not be split): what was annotated there must be found. Throws what reading the files throws.
 */
export async function evaluateSegmentation(options: EvaluateSegmentationOptions): Promise<SegmentationEvaluation> {
  const { imagesDir, cocoPath, minIou = 0.5, signal, onImage } = options
  const tallies: Tally[] = []
  const images: ImageEvaluation[] = []
  for (const { fileName, objects } of await readCoco(cocoPath, signal)) {
    const start = performance.now()
    const segmented = await segmentImage(join(imagesDir, fileName), { ...options.segmentation, outlines: true, signal })
    const ms = performance.now() - start
    const { imageWidth: width, imageHeight: height } = segmented
    const annotated = objects.map((rings) => rasterisePolygons(rings, width, height))
    const found = segmented.pellets.map((pellet) => rasterisePolygons(pellet.outline, width, height))
    const matches = matchObjects(annotated, found, minIou)
    const tally = {
      annotated: annotated.length,
      found: found.length,
      matched: matches.length,
      iou: matches.reduce((sum, match) => sum + match.iou, 0),
      countError: found.length - annotated.length,
      ms,
      megapixels: (width * height) / 1e6,
    }
    tallies.push(tally)
    const evaluation = evaluationOf(fileName, tally)
    images.push(evaluation)
    onImage?.(evaluation)
  }
  return { images, total: evaluationOf('total', sumOf(tallies)) }
}

interface Tally {
  readonly annotated: number
  readonly found: number
  readonly matched: number
  readonly iou: number
  readonly countError: number
  readonly ms: number
  readonly megapixels: number
}

function sumOf(tallies: readonly Tally[]): Tally {
  const sum = { annotated: 0, found: 0, matched: 0, iou: 0, countError: 0, ms: 0, megapixels: 0 }
  for (const tally of tallies) {
    sum.annotated += tally.annotated
    sum.found += tally.found
    sum.matched += tally.matched
    sum.iou += tally.iou
    sum.countError += Math.abs(tally.countError)
    sum.ms += tally.ms
    sum.megapixels += tally.megapixels
  }
  return sum
}

function evaluationOf(image: string, tally: Tally): ImageEvaluation {
  const { annotated, found, matched, countError } = tally
  return {
    image,
    annotated,
    found,
    matched,
    recall: annotated === 0 ? 1 : matched / annotated,
    precision: found === 0 ? 1 : matched / found,
    countError,
    msPerMegapixel: tally.megapixels === 0 ? 0 : tally.ms / tally.megapixels,
    meanIou: matched === 0 ? 0 : tally.iou / matched,
  }
}
