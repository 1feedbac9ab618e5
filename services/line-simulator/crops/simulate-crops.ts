import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'
import { countsAsDefect } from '../pellet/speck.ts'
import { createRandom } from '../random.ts'
import { createNoiseTiles, type NoiseTiles } from '../render/noise-tiles.ts'
import { createLineRenderer } from '../render/render-rows.ts'
import type { ScenePellet } from '../scene/place-pellets.ts'
import { defaultLine } from '../settings.ts'
import { matchTruth, type PelletBoxes } from '../truth/match-truth.ts'
import { pelletTruth } from '../truth/pellet-truth.ts'
import { type CropDomain, sampleLineDomain, sampleRareDomain, sampleWideDomain } from './sample-domain.ts'

/** What of a segmenter the simulator uses; `createSegmenter` of roi-segmentation makes one. */
export interface CropSegmenter {
  push(
    strip: {
      readonly pixels: Uint8Array
      readonly width: number
      readonly rows: number
      readonly firstRow: number
      readonly rowsLostBefore: number
    },
    settings: {
      readonly threshold: number
      readonly medianAreaPx: number
      readonly minAreaPx: number
      readonly cropScale: number
      readonly maxPelletRows: number
      readonly maxPelletsPerStrip: number
    },
  ): { readonly pellets: PelletBoxes & { readonly notJudged: Uint8Array; readonly crops: Uint8Array } }
}

/** What line crops are cut from. */
export type CropVariety = 'line' | 'rare' | 'wide'

const domainOf = { line: sampleLineDomain, rare: sampleRareDomain, wide: sampleWideDomain }

export interface SimulateCropsOptions {
  /** Crops wanted. */
  readonly count: number
  /** Share of them that are NG, 0 .. 1. */
  readonly ngShare: number
  /** Share of them whose specks are all below what counts (label OK, flagged in `subSize`); default 0. */
  readonly subSizeShare?: number
  readonly seed: number
  /** `line`: the default line; `rare`: the default line with what is rare on it made frequent; `wide`: every property varied far beyond it. */
  readonly variety: CropVariety
  /**
   * Smallest speck that is NG, px of the crop, and its least contrast; default 3 px for `line`, 2.5 px for `wide`, and
   * 0.35. In blurred scenes of `wide` the size grows with the blur.
   */
  readonly smallestSpeckPx?: number
  readonly minContrast?: number
  /** Makes a segmenter for pictures of this width. */
  readonly createSegmenter: (options: { readonly width: number }) => CropSegmenter
  readonly onProgress?: (done: number, count: number) => void
  readonly signal?: AbortSignal
}

/** Simulated crops with what only a simulator knows about each. */
export interface SimulatedCrops extends CropDataset {
  /** 1 where there are only specks too small or too faint to count; training may leave these out. */
  readonly subSize: Uint8Array
  /** Contrast of the largest speck, 0 where there is none. */
  readonly contrast: Float32Array
}

/**
 * Simulates labelled 50x50 crops: scenes of about a hundred pellets are rendered, segmented by the given segmenter as a
 * line's strips would be, and the crops labelled by truth. The group of a crop is its scene. The same options give the
 * same bytes. Throws `invalid_argument` on shares out of range, `cancelled` when aborted.
 */
export async function simulateCrops(options: SimulateCropsOptions): Promise<SimulatedCrops> {
  const { count, ngShare, subSizeShare = 0, seed, variety } = options
  checkOptions(options)
  const ngWanted = Math.round(count * ngShare)
  const subSizeWanted = Math.min(count - ngWanted, Math.round(count * subSizeShare))
  const wanted = { OK: count - ngWanted - subSizeWanted, NG: ngWanted, subSize: subSizeWanted }
  const out = allocate(count)
  const tiles = createNoiseTiles()
  let canvas = new Uint8Array(0)
  let done = 0
  for (let scene = 0; done < count; scene++) {
    if (options.signal?.aborted)
      throw new PelletlineError('cancelled', `Simulation of crops stopped after ${done} of ${count} crops.`)
    // A class that has all its crops is no longer drawn more than others need it.
    const left = wanted.OK + wanted.NG + wanted.subSize
    const prevalence = Math.min(0.5, wanted.NG / left)
    const specks = {
      prevalence: prevalence > 0 ? Math.max(0.02, prevalence) : wanted.subSize > 0 ? 0.1 : 0,
      subSizeShare: wanted.subSize > 0 ? Math.min(1, wanted.subSize / Math.max(1, wanted.NG, 0.1 * left)) : 0,
      smallestSpeckPx: options.smallestSpeckPx ?? (variety === 'line' ? defaultLine.specks.smallestSpeckPx : 2.5),
      minContrast: options.minContrast ?? defaultLine.specks.minContrast,
    }
    const random = createRandom(seed, 31, scene)
    const domain = domainOf[variety](random, specks)
    const size = domain.settings.width ** 2
    if (canvas.length < size) canvas = new Uint8Array(size)
    const pixels = canvas.subarray(0, size)
    for (const crop of cropsOfScene(domain, random.int(0, 2 ** 31), tiles, pixels, options)) {
      const kind = crop.pellet.class
      if (wanted[kind] === 0) continue
      wanted[kind]--
      out.pixels.set(crop.pixels, done * cropBytes)
      out.labels[done] = kind === 'NG' ? 1 : 0
      out.subSize[done] = kind === 'subSize' ? 1 : 0
      const largest = largestSpeck(crop.pellet, domain)
      out.speckPx[done] = (largest?.diameterPx ?? 0) * domain.cropScale
      out.contrast[done] = largest?.contrast ?? 0
      out.group[done] = scene
      done++
    }
    options.onProgress?.(done, count)
    await nextTurn()
  }
  const digest = createHash('sha256').update(out.pixels).update(out.labels).digest('hex')
  return { source: `simulated ${variety}, seed ${seed}`, count, ...out, digest }
}

interface LabelledCrop {
  readonly pixels: Uint8Array
  readonly pellet: ScenePellet
}

function* cropsOfScene(
  domain: CropDomain,
  seed: number,
  tiles: NoiseTiles,
  pixels: Uint8Array,
  options: SimulateCropsOptions,
): Generator<LabelledCrop> {
  const { settings, cropScale, threshold } = domain
  const rows = settings.width
  const renderer = createLineRenderer({ settings, seed, tiles })
  renderer.render(0, rows, pixels)
  const pellets = renderer.pelletsEndingIn(0, rows)
  const segmenter = options.createSegmenter({ width: settings.width })
  const medianAreaPx = (Math.PI / 4) * settings.product.medianDiameterPx ** 2
  const strip = { pixels, width: settings.width, rows, firstRow: 0, rowsLostBefore: 0 }
  const found = segmenter.push(strip, {
    threshold,
    medianAreaPx,
    minAreaPx: Math.max(12, 0.05 * medianAreaPx),
    cropScale,
    maxPelletRows: Math.ceil(8 * settings.product.maxDiameterPx),
    maxPelletsPerStrip: 4096,
  }).pellets
  const { truthOf } = matchTruth(
    pellets.map((pellet) => pelletTruth(pellet)),
    found,
    0.6,
  )
  for (let i = 0; i < found.count; i++) {
    const pellet = pellets[truthOf[i]!]
    if (pellet === undefined || found.notJudged[i] !== 0) continue
    const crop = found.crops.subarray(i * cropBytes, (i + 1) * cropBytes)
    const middleX = found.x[i]! + found.width[i]! / 2
    const middleY = found.y[i]! + found.height[i]! / 2
    const shown = pellet.specks.every((speck) =>
      isShown(crop, (pellet.x + speck.x - middleX) * cropScale, (pellet.y + speck.y - middleY) * cropScale),
    )
    // Where a cut or the threshold took a speck away, the crop no longer shows what the truth says.
    if (shown) yield { pixels: crop, pellet }
  }
}

/** Whether the crop is not masked about a point given from its middle, px. */
function isShown(crop: Uint8Array, x: number, y: number): boolean {
  const column = Math.floor(cropSide / 2 + x)
  const row = Math.floor(cropSide / 2 + y)
  let masked = 0
  for (let v = row - 2; v <= row + 2; v++)
    for (let u = column - 2; u <= column + 2; u++)
      if (u < 0 || v < 0 || u >= cropSide || v >= cropSide || crop[v * cropSide + u] === 0) masked++
  return masked <= 12
}

function largestSpeck(pellet: ScenePellet, domain: CropDomain) {
  // An NG pellet's figure is that of a speck that counts, even where a fainter one is larger.
  const counting = pellet.specks.filter((speck) => countsAsDefect(speck, domain.settings.specks))
  const among = counting.length > 0 ? counting : pellet.specks
  return among.reduce<(typeof among)[number] | undefined>(
    (best, speck) => (best === undefined || speck.diameterPx > best.diameterPx ? speck : best),
    undefined,
  )
}

function allocate(count: number) {
  return {
    pixels: new Uint8Array(count * cropBytes),
    labels: new Uint8Array(count),
    subSize: new Uint8Array(count),
    speckPx: new Float32Array(count),
    contrast: new Float32Array(count),
    group: new Int32Array(count),
  }
}

function checkOptions(options: SimulateCropsOptions): void {
  const { count, ngShare, subSizeShare = 0 } = options
  if (!Number.isSafeInteger(count) || count < 1)
    throw new PelletlineError('invalid_argument', `Number of crops is ${count}; a whole number from 1 is expected.`)
  if (!(ngShare >= 0 && subSizeShare >= 0 && ngShare + subSizeShare <= 1))
    throw new PelletlineError(
      'invalid_argument',
      `Shares of NG (${ngShare}) and subSize crops (${subSizeShare}) must be 0 to 1 and together at most 1.`,
    )
}
