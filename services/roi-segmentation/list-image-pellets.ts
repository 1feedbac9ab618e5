import { cropBytes } from '../shared/inspection/crop.ts'
import type { PelletColumns, PelletMeasures, PelletOutline, StripPellets } from './kernel/types.ts'

/** A black speck of a pellet; measures as in SpeckColumns, coordinates in the image. */
export interface ImageSpeck {
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  readonly contrast: number
  readonly x: number
  readonly y: number
  readonly atRim: boolean
}

/** One pellet of an image, measures as in PelletColumns, coordinates in the image. */
export interface ImagePellet extends PelletMeasures {
  /** Black specks of at least `smallestSpeckPx`, and their area, px; 0 where they are not measured or `notJudged` is not 0. */
  readonly speckCount: number
  readonly speckAreaPx: number
  /** The largest of them, at most 16, from the largest on. */
  readonly specks: readonly ImageSpeck[]
  /** One of `notJudgedReason`; 0 where there is a crop. */
  readonly notJudged: number
  /** Crop version 1, 2,500 gray bytes in bright polarity; undefined where `notJudged` is not 0. */
  readonly crop: Uint8Array | undefined
  /** Closed polygons in image coordinates, pixel corners; empty without `outlines`. */
  readonly outline: PelletOutline
}

/** The pellets of a strip one by one, moved by (dx, dy) px into the coordinates of their image. */
export function listImagePellets({ pellets, outlines }: StripPellets, dx: number, dy: number): ImagePellet[] {
  const specks = specksByPellet(pellets, dx, dy)
  return specks.map((list, i) => {
    const notJudged = pellets.notJudged[i]!
    return {
      x: pellets.x[i]! + dx,
      y: pellets.y[i]! + dy,
      width: pellets.width[i]!,
      height: pellets.height[i]!,
      areaPx: pellets.areaPx[i]!,
      equivalentDiameterPx: pellets.equivalentDiameterPx[i]!,
      aspectRatio: pellets.aspectRatio[i]!,
      roundness: pellets.roundness[i]!,
      meanGray: pellets.meanGray[i]!,
      touchesBorder: pellets.touchesBorder[i] === 1,
      feretLengthPx: pellets.feretLengthPx[i]!,
      feretWidthPx: pellets.feretWidthPx[i]!,
      solidity: pellets.solidity[i]!,
      graySpread: pellets.graySpread[i]!,
      speckCount: pellets.speckCount[i]!,
      speckAreaPx: pellets.speckAreaPx[i]!,
      specks: list,
      notJudged,
      crop: notJudged === 0 ? pellets.crops.slice(i * cropBytes, (i + 1) * cropBytes) : undefined,
      outline: (outlines?.[i] ?? []).map((ring) => ring.map((value, at) => value + (at % 2 === 0 ? dx : dy))),
    }
  })
}

/** The listed specks of each pellet. */
function specksByPellet({ count, x, y, specks }: PelletColumns, dx: number, dy: number): readonly ImageSpeck[][] {
  const lists: ImageSpeck[][] = Array.from({ length: count }, () => [])
  for (let i = 0; i < specks.count; i++) {
    const pellet = specks.pellet[i]!
    lists[pellet]!.push({
      areaPx: specks.areaPx[i]!,
      equivalentDiameterPx: specks.equivalentDiameterPx[i]!,
      contrast: specks.contrast[i]!,
      x: x[pellet]! + specks.x[i]! + dx,
      y: y[pellet]! + specks.y[i]! + dy,
      atRim: specks.atRim[i] === 1,
    })
  }
  return lists
}
