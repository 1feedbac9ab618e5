import { basename } from 'node:path'
import type { ImageSpeck } from '../../roi-segmentation/index.ts'
import type { ModelManifest } from '../../shared/onnx/model-manifest.ts'
import { formatCount, formatDuration } from '../format-number.ts'
import type { PixelSize } from '../parse-option.ts'
import type { Column } from '../render-table.ts'
import type { InspectedImage, InspectedPellet } from './inspect-image.ts'
import { measureMm } from './measure-mm.ts'

/** What a person may tell of the image beside its pixels. */
export interface DescribeOptions {
  readonly pixelSize: PixelSize | undefined
  /** Mean gray of good product, bright polarity. */
  readonly referenceGray: number | undefined
}

/**
 * An inspected image as the JSON object of `inspect --json`; lengths in px of the image, `mm` and `um` where pixels have a
 * size, `grayDeviation` where there is a reference.
 */
export function inspectionJson(
  image: InspectedImage,
  model: Pick<ModelManifest, 'id' | 'sha256'>,
  ngMargin: number,
  options: DescribeOptions,
): object {
  const { counts } = image
  const { pixelSize, referenceGray } = options
  const deviation = meanDeviation(image, referenceGray)
  return {
    image: image.file,
    width: image.width,
    height: image.height,
    roi: image.roi,
    polarity: image.polarity,
    threshold: image.threshold,
    pelletDiameterPx: image.pelletDiameterPx === undefined ? null : round(image.pelletDiameterPx),
    cropScale: image.cropScale === undefined ? null : round(image.cropScale),
    model: { id: model.id, sha256: model.sha256, threshold: ngMargin },
    ...(pixelSize && { umPerPx: { across: pixelSize.acrossUm, along: pixelSize.alongUm } }),
    specks: specksJson(image),
    ...(referenceGray !== undefined && {
      referenceGray,
      grayDeviation: deviation === undefined ? null : round(deviation),
    }),
    pellets: image.pellets.map((pellet) => pelletJson(pellet, image, options)),
    reconciliation: {
      rowsAcquired: counts.rowsAcquired,
      rowsLost: counts.rowsLost,
      found: counts.found,
      classified: counts.classified,
      screened: counts.screened,
      shed: counts.shed,
      notJudged: counts.notJudged,
      notJudgedByReason: counts.notJudgedByReason,
      audited: counts.audited,
      ng: counts.ng,
      dust: counts.dust,
      balanced: counts.balanced,
    },
    elapsedMs: Math.round(image.elapsedMs),
  }
}

function pelletJson(pellet: InspectedPellet, image: InspectedImage, options: DescribeOptions): object {
  const { pixelSize, referenceGray } = options
  const measured = image.smallestSpeckPx > 0 && pellet.crop !== undefined
  return {
    index: pellet.index,
    box: { x: pellet.x, y: pellet.y, width: pellet.width, height: pellet.height },
    areaPx: pellet.areaPx,
    equivalentDiameterPx: round(pellet.equivalentDiameterPx),
    aspectRatio: round(pellet.aspectRatio),
    roundness: round(pellet.roundness),
    feretLengthPx: round(pellet.feretLengthPx),
    feretWidthPx: round(pellet.feretWidthPx),
    solidity: round(pellet.solidity),
    meanGray: round(pellet.meanGray),
    graySpread: round(pellet.graySpread),
    ...(referenceGray !== undefined && { grayDeviation: round(pellet.meanGray - referenceGray) }),
    ...(measured && {
      specks: {
        count: pellet.speckCount,
        areaPx: pellet.speckAreaPx,
        list: pellet.specks.map((speck) => speckJson(speck, pixelSize)),
      },
    }),
    touchesBorder: pellet.touchesBorder,
    verdict: pellet.verdict,
    scoreNg: pellet.scoreNg === null ? null : Number(pellet.scoreNg.toPrecision(6)),
    ...(pellet.reason !== undefined && { reason: pellet.reason }),
    ...(pixelSize && { mm: pelletMm(pellet, pixelSize) }),
  }
}

function speckJson(speck: ImageSpeck, pixelSize: PixelSize | undefined): object {
  return {
    x: round(speck.x),
    y: round(speck.y),
    areaPx: speck.areaPx,
    equivalentDiameterPx: round(speck.equivalentDiameterPx),
    contrast: round(speck.contrast),
    atRim: speck.atRim,
    // An area scales with both sides of a pixel, so the circle of the same area does with their geometric mean.
    ...(pixelSize && {
      um: { equivalentDiameter: round(speck.equivalentDiameterPx * Math.sqrt(pixelSize.acrossUm * pixelSize.alongUm)) },
    }),
  }
}

/** What was looked for, and how many pellets have it; null where specks were not measured. */
function specksJson({ pellets, smallestSpeckPx, minSpeckContrast }: InspectedImage): object | null {
  if (smallestSpeckPx === 0) return null
  return {
    smallestPx: smallestSpeckPx,
    minContrast: minSpeckContrast,
    count: pellets.reduce((sum, { speckCount }) => sum + speckCount, 0),
    pelletsWith: pellets.filter(({ speckCount }) => speckCount > 0).length,
  }
}

/** Mean gray of the judged pellets minus the reference; undefined without one, or where no pellet is judged. */
function meanDeviation({ pellets }: InspectedImage, referenceGray: number | undefined): number | undefined {
  const judged = pellets.filter(({ crop }) => crop !== undefined)
  if (referenceGray === undefined || judged.length === 0) return undefined
  return judged.reduce((sum, { meanGray }) => sum + meanGray, 0) / judged.length - referenceGray
}

function pelletMm(pellet: InspectedPellet, pixelSize: PixelSize): object {
  const measures = measureMm(pellet.outline, pixelSize)
  const x = pixelSize.acrossUm / 1000
  const y = pixelSize.alongUm / 1000
  return {
    box: {
      x: round(pellet.x * x),
      y: round(pellet.y * y),
      width: round(pellet.width * x),
      height: round(pellet.height * y),
    },
    area: round(measures.areaMm2),
    equivalentDiameter: round(measures.equivalentDiameterMm),
    length: round(measures.lengthMm),
    width: round(measures.widthMm),
    aspectRatio: round(measures.aspectRatio),
    roundness: round(measures.roundness),
  }
}

function round(value: number): number {
  return Number(value.toFixed(4))
}

/** Columns of the table of `inspect`. */
export const inspectionColumns: readonly Column[] = [
  { title: 'Image', cut: 'head' },
  { title: 'Size, px', align: 'right' },
  { title: 'Pellets', align: 'right' },
  { title: 'Judged', align: 'right' },
  { title: 'OK', align: 'right' },
  { title: 'NG', align: 'right' },
  { title: 'Not judged', align: 'right' },
  { title: 'Time', align: 'right' },
]

/** What the table needs of an image: little enough to keep for thousands of them. */
export type InspectionSummary = Pick<InspectedImage, 'file' | 'width' | 'height' | 'counts' | 'elapsedMs'>

/** The rows of that table; a sum below where there are several images. */
export function inspectionRows(images: readonly InspectionSummary[]): readonly (readonly string[])[] {
  const rows = images.map((image) =>
    countsRow(image.file, `${image.width} x ${image.height}`, image.counts, image.elapsedMs),
  )
  if (images.length < 2) return rows
  const sum = { found: 0, classified: 0, ng: 0, notJudged: 0, shed: 0 }
  let elapsedMs = 0
  for (const image of images) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += image.counts[key]
    elapsedMs += image.elapsedMs
  }
  return [...rows, countsRow(`${formatCount(images.length)} images`, '', sum, elapsedMs)]
}

function countsRow(
  name: string,
  size: string,
  counts: {
    readonly found: number
    readonly classified: number
    readonly ng: number
    readonly notJudged: number
    readonly shed: number
  },
  elapsedMs: number,
): readonly string[] {
  return [
    name,
    size,
    formatCount(counts.found),
    formatCount(counts.classified),
    formatCount(counts.classified - counts.ng),
    formatCount(counts.ng),
    formatCount(counts.notJudged + counts.shed),
    formatDuration(elapsedMs),
  ]
}

/** Sentences about an image that its row in the table does not tell; often none. */
export function inspectionRemarks(image: InspectedImage, referenceGray?: number): readonly string[] {
  const remarks: string[] = []
  const { counts } = image
  const deviation = meanDeviation(image, referenceGray)
  if (deviation !== undefined) {
    remarks.push(
      `${image.file}: mean gray of the judged pellets is ${(deviation + referenceGray!).toFixed(1)}, ` +
        `${deviation < 0 ? '' : '+'}${deviation.toFixed(1)} from the reference ${referenceGray}.`,
    )
  }
  const specked = image.pellets.filter(({ speckCount }) => speckCount > 0)
  if (specked.length > 0) {
    const count = specked.reduce((sum, { speckCount }) => sum + speckCount, 0)
    remarks.push(
      `${image.file}: ${formatCount(count)} black ${count === 1 ? 'speck' : 'specks'} of at least ` +
        `${image.smallestSpeckPx} px in ${formatCount(specked.length)} ${specked.length === 1 ? 'pellet' : 'pellets'}.`,
    )
  }
  if (counts.found === 0) {
    remarks.push(
      `${image.file}: no pellet found. Where there are some, give --polarity, --threshold, --pellet-diameter or --roi.`,
    )
  }
  if (counts.notJudged > 0) {
    const parts = Object.entries(counts.notJudgedByReason).flatMap(([reason, count]) =>
      count > 0 ? [`${count} ${reason}`] : [],
    )
    remarks.push(`${image.file}: not judged: ${parts.join(', ')}.`)
  }
  if (counts.shed > 0) {
    remarks.push(
      `${image.file}: ${counts.shed} pellets beyond the limit of one strip were counted but neither measured nor judged.`,
    )
  }
  return remarks
}

/** Caption of the annotated picture. */
export function inspectionCaption(image: InspectedImage, modelId: string): string {
  return `${basename(image.file)} · model ${modelId}`
}
