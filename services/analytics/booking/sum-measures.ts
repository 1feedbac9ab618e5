import type { VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Optics, Outcome } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  classifyShape,
  isWholePellet,
  type ShapeClass,
  type ShapeLimits,
} from '../../shared/inspection/classify-shape.ts'
import { sizeClassOf, sizeQuantities, sizeUnits } from '../../shared/statistics/size-classes.ts'

/** Sums over the pellets of one part, named as the columns of `lot_measures`. */
export type MeasureSums = Readonly<
  Record<ShapeClass | 'specked' | 'specks_measured' | 'gray_pellets' | 'gray_milli', bigint>
>

/** Pieces of one part in one class of a histogram, named as the columns of `lot_histograms`. */
export interface HistogramCount {
  readonly quantity: number
  readonly unit: number
  readonly class: number
  readonly pieces: bigint
}

/** What a part adds to the measures of its lot. */
export interface PartMeasures {
  readonly sums: MeasureSums
  readonly histogram: readonly HistogramCount[]
}

/**
 * Sums the measures of a part that `checkEntry` has passed; a pure function, and whole numbers, so that sums over parts do
 * not depend on their order. Pellets are classed by shape where the part has Feret columns and `limits` are known; specks
 * count where the header states the smallest that the optics tell; grays are those of the pellets judged or screened. Shed pellets
 * count nowhere.
 * Diameters are in um where the header has optics (that of the circle of the same area in um^2), else in px.
 */
export function sumMeasures(message: VerdictsMessage, limits: ShapeLimits | undefined): PartMeasures {
  const sums = {
    regular: 0,
    fines: 0,
    tails: 0,
    twins: 0,
    clusters: 0,
    specked: 0,
    specks_measured: 0,
    gray_pellets: 0,
  }
  const { header, pellets, specks, outcome } = message
  const pieces = createTally(header?.optics)
  let gray = 0
  const count = pellets?.x.length ?? 0
  const measured = count > 0 && pellets?.feretLengthPx.length === count && pellets.feretWidthPx.length === count
  const specksMeasured = count > 0 && (header?.smallestSpeckPx ?? 0) > 0 && pellets?.speckCount.length === count
  for (let at = 0; pellets !== undefined && at < count; at += 1) {
    // What was dropped under overload has no part in any figure, whatever the message carries of it.
    if (outcome[at] === Outcome.SHED) continue
    const measures = {
      areaPx: pellets.areaPx[at] ?? 0,
      equivalentDiameterPx: pellets.equivalentDiameterPx[at] ?? 0,
      feretLengthPx: pellets.feretLengthPx[at] ?? 0,
      feretWidthPx: pellets.feretWidthPx[at] ?? 0,
      notJudged: pellets.notJudged[at] ?? 0,
      touchesBorder: pellets.touchesBorder[at] ?? 0,
    }
    const shape =
      measured && limits !== undefined ? classifyShape(measures, header?.medianAreaPx ?? 0, limits) : undefined
    if (shape !== undefined) sums[shape] += 1
    if (isWholePellet(measures)) pieces.add(sizeQuantities.pelletDiameter, measures.equivalentDiameterPx)
    if (specksMeasured && measures.notJudged === 0) {
      sums.specks_measured += 1
      if ((pellets.speckCount[at] ?? 0) > 0) sums.specked += 1
    }
    if (outcome[at] === Outcome.CLASSIFIED || outcome[at] === Outcome.SCREENED) {
      sums.gray_pellets += 1
      gray += pellets.meanGray[at] ?? 0
    }
  }
  if (specksMeasured) {
    for (const [at, diameter] of (specks?.equivalentDiameterPx ?? []).entries()) {
      if (outcome[specks?.pellet[at] ?? 0] !== Outcome.SHED) pieces.add(sizeQuantities.speckDiameter, diameter)
    }
  }
  const whole = Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, BigInt(value)]))
  return {
    sums: { ...(whole as Record<keyof typeof sums, bigint>), gray_milli: BigInt(Math.round(gray * 1000)) },
    histogram: pieces.counts(),
  }
}

/** Counts diameters in px by quantity and class of size. */
function createTally(optics: Optics | undefined) {
  const unit = optics === undefined ? sizeUnits.px : sizeUnits.um
  const scale = optics === undefined ? 1 : Math.sqrt(optics.umPerPxAcross * optics.umPerPxAlong)
  const tallies = new Map<number, Map<number, number>>()
  return {
    add(quantity: number, diameterPx: number) {
      const tally = tallies.get(quantity) ?? new Map<number, number>()
      tallies.set(quantity, tally)
      const sizeClass = sizeClassOf(diameterPx * scale)
      tally.set(sizeClass, (tally.get(sizeClass) ?? 0) + 1)
    },
    counts: (): HistogramCount[] =>
      [...tallies].flatMap(([quantity, tally]) =>
        [...tally].map(([sizeClass, pieces]) => ({ quantity, unit, class: sizeClass, pieces: BigInt(pieces) })),
      ),
  }
}
