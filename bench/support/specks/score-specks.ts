import { matchTruth, type PelletTruth, type SpeckTruth } from '../../../services/line-simulator/index.ts'
import { notJudgedReason, type PelletColumns } from '../../../services/roi-segmentation/kernel/types.ts'
import type { OutlineSpan } from './span-outline.ts'

/** A pellet of the simulator with its Feret diameters; `tailed` where the tail belongs to no true measure. */
export interface KnownPellet {
  readonly truth: PelletTruth
  readonly span: OutlineSpan
  readonly tailed: boolean
}

/** A speck by truth, and what was measured of it; undefined where it was not found. */
export interface SpeckScore {
  readonly truth: SpeckTruth
  readonly measured: { readonly equivalentDiameterPx: number; readonly contrast: number } | undefined
}

/** Measured less true, px, of one pellet that lies alone. */
export interface MeasureErrors {
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  readonly feretLengthPx: number
  readonly feretWidthPx: number
}

/** What many strips gave. */
export interface Scores {
  readonly errors: MeasureErrors[]
  readonly specks: SpeckScore[]
  /** Judged pellets without any speck by truth, and the diameter of the largest speck measured in each, 0 where none is. */
  readonly clean: number[]
}

/** Empty scores. */
export function createScores(): Scores {
  return { errors: [], specks: [], clean: [] }
}

/** Adds the judged pellets of a strip; a speck belongs to the one by truth whose middle is closest, within its own size or 2 px. */
export function addScores(scores: Scores, known: readonly KnownPellet[], pellets: PelletColumns): void {
  const { truthOf } = matchTruth(
    known.map(({ truth }) => truth),
    pellets,
    0.6,
  )
  const specksOf: number[][] = Array.from({ length: pellets.count }, () => [])
  for (let i = 0; i < pellets.specks.count; i++) specksOf[pellets.specks.pellet[i]!]!.push(i)
  for (let i = 0; i < pellets.count; i++) {
    const pellet = known[truthOf[i]!]
    if (pellet === undefined || pellets.notJudged[i] !== notJudgedReason.judged) continue
    const { truth } = pellet
    if (truth.kind === 'single' && !pellet.tailed && truth.clusterId === null) {
      scores.errors.push(errorsOf(pellet, pellets, i))
    }
    if (truth.specks.length === 0) scores.clean.push(largestOf(specksOf[i]!, pellets))
    else scores.specks.push(...pairSpecks(truth, pellets, i, specksOf[i]!))
  }
}

function errorsOf({ truth, span }: KnownPellet, pellets: PelletColumns, i: number): MeasureErrors {
  return {
    areaPx: pellets.areaPx[i]! - truth.areaPx,
    equivalentDiameterPx: pellets.equivalentDiameterPx[i]! - truth.equivalentDiameterPx,
    feretLengthPx: pellets.feretLengthPx[i]! - span.length,
    feretWidthPx: pellets.feretWidthPx[i]! - span.width,
  }
}

function largestOf(specks: readonly number[], { specks: columns }: PelletColumns): number {
  return specks.reduce((largest, speck) => Math.max(largest, columns.equivalentDiameterPx[speck]!), 0)
}

function pairSpecks(
  truth: PelletTruth,
  pellets: PelletColumns,
  pellet: number,
  found: readonly number[],
): SpeckScore[] {
  const { specks } = pellets
  const left = new Set(found)
  return truth.specks
    .toSorted((a, b) => b.diameterPx - a.diameterPx)
    .map((speck) => {
      let best = -1
      let distance = Math.max(2, 0.6 * speck.diameterPx)
      for (const i of left) {
        const dx = pellets.x[pellet]! + specks.x[i]! - speck.x
        const dy = pellets.y[pellet]! + specks.y[i]! - speck.y
        if (Math.hypot(dx, dy) >= distance) continue
        best = i
        distance = Math.hypot(dx, dy)
      }
      if (best < 0) return { truth: speck, measured: undefined }
      left.delete(best)
      const measured = { equivalentDiameterPx: specks.equivalentDiameterPx[best]!, contrast: specks.contrast[best]! }
      return { truth: speck, measured }
    })
}
