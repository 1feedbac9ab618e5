import { type ImagePellet, type SegmentImageOptions, segmentImage } from '../../roi-segmentation/index.ts'
import { notJudgedReason } from '../../roi-segmentation/kernel/types.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import type { InferencePool } from '../../shared/onnx/inference-pool.ts'

/** Why a pellet has no verdict. */
export type NoVerdictReason = 'cluster' | 'oversize' | 'image-edge' | 'lost-rows'

/** A pellet with its judgement. */
export interface InspectedPellet extends ImagePellet {
  readonly index: number
  readonly verdict: 'OK' | 'NG' | null
  /** Softmax score of NG at temperature 1; null without a verdict. */
  readonly scoreNg: number | null
  readonly reason: NoVerdictReason | undefined
}

/** The counts of one image; found = classified + screened + shed + notJudged, or it is not balanced. */
export interface ImageCounts {
  readonly rowsAcquired: number
  readonly rowsLost: number
  readonly found: number
  readonly classified: number
  readonly screened: number
  readonly shed: number
  readonly notJudged: number
  readonly notJudgedByReason: Readonly<Record<NoVerdictReason, number>>
  readonly audited: number
  readonly ng: number
  readonly dust: number
  readonly balanced: boolean
}

export interface InspectedImage {
  readonly file: string
  readonly width: number
  readonly height: number
  readonly roi: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  /** In the order of (last row, leftmost x). */
  readonly pellets: readonly InspectedPellet[]
  readonly counts: ImageCounts
  readonly polarity: 'light-on-dark' | 'dark-on-light'
  /** Gray level between bed and pellets, of the image as it is. */
  readonly threshold: number
  /** Of the median single pellet, px; undefined where there is no pellet. */
  readonly pelletDiameterPx: number | undefined
  /** Factor of the crops; undefined where there is no pellet. */
  readonly cropScale: number | undefined
  /** Equivalent diameter, px, and contrast from which specks are reported; a diameter of 0: they were not measured. */
  readonly smallestSpeckPx: number
  readonly minSpeckContrast: number
  readonly elapsedMs: number
}

export interface InspectImageOptions {
  readonly pool: InferencePool
  /** Margin zNG - zOK from which a pellet is NG. */
  readonly ngMargin: number
  readonly segmentation: SegmentImageOptions
}

const reasonNames: Readonly<Record<number, NoVerdictReason>> = {
  [notJudgedReason.cluster]: 'cluster',
  [notJudgedReason.oversize]: 'oversize',
  [notJudgedReason.imageEdge]: 'image-edge',
  [notJudgedReason.lostRows]: 'lost-rows',
}

/** Crops that go to the pool at a time: bounds what is copied beside the image's own crops. */
const cropsPerRun = 512

/** Segments one image and classifies its crops. Throws what `segmentImage` and the pool throw, naming the file. */
export async function inspectImage(file: string, options: InspectImageOptions): Promise<InspectedImage> {
  const began = performance.now()
  const segmented = await segmentImage(file, options.segmentation)
  const margins = await classifyPellets(segmented.pellets, options.pool, options.segmentation.signal)
  const pellets = segmented.pellets.map((pellet, index) => judgePellet(pellet, index, margins[index], options.ngMargin))
  return {
    file,
    width: segmented.imageWidth,
    height: segmented.imageHeight,
    roi: segmented.roi,
    pellets,
    counts: countPellets(pellets, segmented),
    polarity: segmented.light.polarity,
    threshold: segmented.light.threshold,
    pelletDiameterPx: segmented.settings && Math.sqrt((4 * segmented.settings.medianAreaPx) / Math.PI),
    cropScale: segmented.settings?.cropScale,
    smallestSpeckPx: options.segmentation.smallestSpeckPx ?? 0,
    minSpeckContrast: options.segmentation.minSpeckContrast ?? defaultMinSpeckContrast,
    elapsedMs: performance.now() - began,
  }
}

/** Margins of the pellets; undefined where there is no crop. */
async function classifyPellets(
  pellets: readonly ImagePellet[],
  pool: InferencePool,
  signal: AbortSignal | undefined,
): Promise<readonly (number | undefined)[]> {
  const margins: (number | undefined)[] = new Array(pellets.length).fill(undefined)
  const judged = pellets.flatMap((pellet, index) => (pellet.crop === undefined ? [] : [{ index, crop: pellet.crop }]))
  for (let from = 0; from < judged.length; from += cropsPerRun) {
    const part = judged.slice(from, from + cropsPerRun)
    const pixels = new Uint8Array(part.length * cropBytes)
    for (const [at, { crop }] of part.entries()) pixels.set(crop, at * cropBytes)
    const logits = await pool.run(pixels, part.length, signal)
    for (const [at, { index }] of part.entries()) margins[index] = logits[2 * at + 1]! - logits[2 * at]!
  }
  return margins
}

function judgePellet(
  pellet: ImagePellet,
  index: number,
  margin: number | undefined,
  ngMargin: number,
): InspectedPellet {
  if (margin === undefined) {
    return { ...pellet, index, verdict: null, scoreNg: null, reason: reasonNames[pellet.notJudged] }
  }
  return {
    ...pellet,
    index,
    verdict: margin >= ngMargin ? 'NG' : 'OK',
    scoreNg: 1 / (1 + Math.exp(-margin)),
    reason: undefined,
  }
}

function countPellets(
  pellets: readonly InspectedPellet[],
  segmented: { readonly shed: number; readonly dust: number; readonly roi: { readonly height: number } },
): ImageCounts {
  const notJudgedByReason = { cluster: 0, oversize: 0, 'image-edge': 0, 'lost-rows': 0 }
  let classified = 0
  let ng = 0
  for (const { verdict, reason } of pellets) {
    if (reason !== undefined) notJudgedByReason[reason]++
    if (verdict !== null) classified++
    if (verdict === 'NG') ng++
  }
  const notJudged = Object.values(notJudgedByReason).reduce((sum, count) => sum + count, 0)
  const found = pellets.length + segmented.shed
  return {
    rowsAcquired: segmented.roi.height,
    rowsLost: 0,
    found,
    classified,
    screened: 0,
    shed: segmented.shed,
    notJudged,
    notJudgedByReason,
    audited: 0,
    ng,
    dust: segmented.dust,
    balanced: found === classified + segmented.shed + notJudged,
  }
}
