import { matchTruth } from '../../../services/line-simulator/index.ts'
import {
  notJudgedReason,
  type PelletColumns,
  type SegmentationSettings,
} from '../../../services/roi-segmentation/kernel/types.ts'
import { columnsOf, placeInStrip } from './compare-with-truth.ts'
import { openReader } from './kernels.ts'
import { type SimulatedStrip, type StripTruth, stripWidth } from './simulate-strip.ts'

/** Measured less true, over the pellets of a group. */
export interface GeometryError {
  readonly bias: number
  readonly deviation: number
}

/** Accuracy of what the strip's truth offers; lengths in px. */
export interface GeometryFigures {
  readonly group: 'alone' | 'touching'
  readonly pellets: number
  readonly middleX: GeometryError
  readonly middleY: GeometryError
  readonly width: GeometryError
  readonly height: GeometryError
  readonly areaPx: GeometryError
  /** Relative to the true area. */
  readonly areaShare: GeometryError
  readonly equivalentDiameterPx: GeometryError
}

interface Pair {
  readonly truth: StripTruth
  readonly measured: Measured
}

interface Measured {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly areaPx: number
  readonly equivalentDiameterPx: number
}

/** Geometry of the judged pellets of all strips against the simulator's outlines, pellets alone and touching ones apart. */
export function measureGeometry(strips: readonly SimulatedStrip[], settings: SegmentationSettings): GeometryFigures[] {
  const pairs = strips.flatMap((strip) => {
    const reader = openReader('kernel')
    const placed = reader.place(strip)
    reader.push(placed, settings)
    return pairWithTruth(strip, reader.push(placed, settings).pellets)
  })
  return (['alone', 'touching'] as const).map((group) => ({
    group,
    ...summarise(pairs.filter(({ truth }) => (truth.clusterId === null) === (group === 'alone'))),
  }))
}

/** Single pellets that no border cuts, without a tail (which belongs to no true measure), with what was measured of them. */
function pairWithTruth({ rows, truth }: SimulatedStrip, pellets: PelletColumns): Pair[] {
  const boxes = placeInStrip(rows, pellets)
  const { pelletOf } = matchTruth(truth, columnsOf(boxes))
  return truth.flatMap((pellet, index) => {
    const at = pelletOf[index]!
    const { left, right } = pellet.edges
    if (at < 0 || pellet.kind !== 'single' || pellet.tailed || left < 0 || right > stripWidth) return []
    if (pellets.notJudged[at] !== notJudgedReason.judged) return []
    const { areaPx, equivalentDiameterPx } = pellets
    const sizes = { areaPx: areaPx[at]!, equivalentDiameterPx: equivalentDiameterPx[at]! }
    return [{ truth: pellet, measured: { ...boxes[at]!, ...sizes } }]
  })
}

/** Bias and standard deviation of every measure over pairs of truth and measurement. */
export function summarise(pairs: readonly Pair[]): Omit<GeometryFigures, 'group'> {
  const errorOf = (error: (pair: Pair) => number) => describeErrors(pairs.map(error))
  return {
    pellets: pairs.length,
    middleX: errorOf(({ truth: { edges }, measured: { x, width } }) => x + width / 2 - (edges.left + edges.right) / 2),
    middleY: errorOf(
      ({ truth: { edges }, measured: { y, height } }) => y + height / 2 - (edges.top + edges.bottom) / 2,
    ),
    width: errorOf(({ truth: { edges }, measured }) => measured.width - (edges.right - edges.left)),
    height: errorOf(({ truth: { edges }, measured }) => measured.height - (edges.bottom - edges.top)),
    areaPx: errorOf(({ truth, measured }) => measured.areaPx - truth.areaPx),
    areaShare: errorOf(({ truth, measured }) => measured.areaPx / truth.areaPx - 1),
    equivalentDiameterPx: errorOf(({ truth, measured }) => measured.equivalentDiameterPx - truth.equivalentDiameterPx),
  }
}

/** Mean of errors, and their standard deviation about it (n - 1); NaN where there are too few. */
export function describeErrors(errors: readonly number[]): GeometryError {
  const bias = errors.reduce((sum, error) => sum + error, 0) / errors.length
  const squares = errors.reduce((sum, error) => sum + (error - bias) ** 2, 0)
  return { bias, deviation: Math.sqrt(squares / (errors.length - 1)) }
}
