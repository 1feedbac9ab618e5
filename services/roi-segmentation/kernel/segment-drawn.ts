import { createSegmenter } from './create-segmenter.ts'
import type { DrawnImage } from './drawn-image.ts'
import {
  notJudgedReason,
  type PelletColumns,
  type PelletMeasures,
  type SegmentationSettings,
  type Segmenter,
  type StripPellets,
} from './types.ts'

/** One pellet of a drawn image with its crop, for tests. */
export interface DrawnPellet extends PelletMeasures {
  readonly speckCount: number
  readonly speckAreaPx: number
  readonly specks: readonly DrawnSpeck[]
  readonly reason: keyof typeof notJudgedReason
  readonly crop: Uint8Array
  readonly outline: readonly (readonly number[])[]
}

/** One listed speck; units as in SpeckColumns. */
export interface DrawnSpeck {
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  readonly contrast: number
  readonly x: number
  readonly y: number
  readonly atRim: boolean
}

/** What all strips of a drawn image gave together. */
export interface DrawnResult {
  /** In the order of (last row, leftmost x) over the whole image. */
  readonly pellets: readonly DrawnPellet[]
  readonly dust: number
  readonly shed: number
  /** Pellets per strip, the last one for the flush. */
  readonly perStrip: readonly number[]
}

/** Settings for pellets of about 40 px across on a dark bed. */
export const drawnSettings: SegmentationSettings = {
  threshold: 100,
  medianAreaPx: 1257,
  minAreaPx: 60,
  cropScale: 1,
  maxPelletRows: 400,
  maxPelletsPerStrip: 10_000,
}

/** Segments a drawn image cut into strips of the given heights (what is left over is one more strip), by the reference unless said. */
export function segmentDrawn(
  image: DrawnImage,
  settings: SegmentationSettings = drawnSettings,
  heights: readonly number[] = [],
  segmenter: Segmenter = createSegmenter({ width: image.width, outlines: true }),
): DrawnResult {
  const pellets: DrawnPellet[] = []
  const perStrip: number[] = []
  let dust = 0
  let shed = 0
  const collect = (part: StripPellets): void => {
    pellets.push(...pelletsOf(part))
    perStrip.push(part.pellets.count)
    dust += part.dust
    shed += part.shed
  }
  let firstRow = 0
  for (const height of [...heights, image.height]) {
    const rows = Math.min(height, image.height - firstRow)
    // A buffer of its own that is spoilt afterwards: the segmenter may not keep the caller's memory.
    const pixels = image.pixels.slice(firstRow * image.width, (firstRow + rows) * image.width)
    collect(segmenter.push({ pixels, width: image.width, rows, firstRow, rowsLostBefore: 0 }, settings))
    pixels.fill(255)
    firstRow += rows
  }
  collect(segmenter.flush(settings))
  pellets.sort((a, b) => a.y + a.height - (b.y + b.height) || a.x - b.x || a.y - b.y || a.areaPx - b.areaPx)
  return { pellets, dust, shed, perStrip }
}

/** The columns of a strip as one record per pellet. */
export function pelletsOf(part: StripPellets): DrawnPellet[] {
  const { pellets: columns, outlines = [] } = part
  const names = Object.keys(notJudgedReason) as (keyof typeof notJudgedReason)[]
  return Array.from({ length: columns.count }, (_, i) => ({
    x: columns.x[i]!,
    y: columns.y[i]!,
    width: columns.width[i]!,
    height: columns.height[i]!,
    areaPx: columns.areaPx[i]!,
    equivalentDiameterPx: columns.equivalentDiameterPx[i]!,
    aspectRatio: columns.aspectRatio[i]!,
    roundness: columns.roundness[i]!,
    meanGray: columns.meanGray[i]!,
    feretLengthPx: columns.feretLengthPx[i]!,
    feretWidthPx: columns.feretWidthPx[i]!,
    solidity: columns.solidity[i]!,
    graySpread: columns.graySpread[i]!,
    speckCount: columns.speckCount[i]!,
    speckAreaPx: columns.speckAreaPx[i]!,
    specks: specksOf(columns, i),
    touchesBorder: columns.touchesBorder[i] === 1,
    reason: names.find((name) => notJudgedReason[name] === columns.notJudged[i])!,
    crop: columns.crops.slice(i * 2500, (i + 1) * 2500),
    outline: (outlines[i] ?? []).map((ring) => Array.from(ring)),
  }))
}

function specksOf({ specks }: PelletColumns, pellet: number): DrawnSpeck[] {
  const found: DrawnSpeck[] = []
  for (let i = 0; i < specks.count; i++) {
    if (specks.pellet[i] !== pellet) continue
    found.push({
      areaPx: specks.areaPx[i]!,
      equivalentDiameterPx: specks.equivalentDiameterPx[i]!,
      contrast: specks.contrast[i]!,
      x: specks.x[i]!,
      y: specks.y[i]!,
      atRim: specks.atRim[i] === 1,
    })
  }
  return found
}
