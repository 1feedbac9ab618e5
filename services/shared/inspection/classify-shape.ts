import { equivalentDiameter } from './equivalent-diameter.ts'

/** Shape classes of pelletline.inspection.v1.ShapeCounts. */
export type ShapeClass = 'regular' | 'fines' | 'tails' | 'twins' | 'clusters'

/** Limits of regular shape, all given; see `completeShapeLimits`. */
export interface ShapeLimits {
  /** Fines have an equivalent diameter below this share of the median pellet's. */
  readonly finesDiameter: number
  /** Tails have a Feret length above so many Feret widths. */
  readonly tailLength: number
  /** Twins have an area above so many median areas. */
  readonly twinArea: number
}

/** What stands for a limit that a recipe leaves out; the numbers are those of pelletline.registry.v1.ShapeLimits. */
export const defaultShapeLimits: ShapeLimits = { finesDiameter: 0.6, tailLength: 2, twinArea: 1.6 }

/** Limits of a recipe, each limit that is missing or 0 replaced by its default. */
export function completeShapeLimits(limits: Partial<ShapeLimits> | undefined): ShapeLimits {
  return {
    finesDiameter: limits?.finesDiameter || defaultShapeLimits.finesDiameter,
    tailLength: limits?.tailLength || defaultShapeLimits.tailLength,
    twinArea: limits?.twinArea || defaultShapeLimits.twinArea,
  }
}

/** What of a pellet says whether it was seen whole and alone; numbers as in pelletline.inspection.v1.PelletColumns. */
export interface PelletCondition {
  /** NotJudgedReason; 0 where the pellet has a crop. */
  readonly notJudged: number
  /** 1 where the pellet touches the edge of the sensor or of the run, or lost rows. */
  readonly touchesBorder: number
}

/** Measures by which a pellet is classed by shape, px and px^2. */
export interface ShapeMeasures extends PelletCondition {
  readonly areaPx: number
  readonly equivalentDiameterPx: number
  readonly feretLengthPx: number
  readonly feretWidthPx: number
}

// NotJudgedReason.CLUSTER; this file needs no generated code.
const cluster = 1

/**
 * Whether a pellet's size is known: it was seen whole and as one piece. Not so where the edge of the sensor or of the run or
 * lost rows cut it, nor where it is a cluster that was not split. An oversize piece is one piece.
 */
export function isWholePellet({ notJudged, touchesBorder }: PelletCondition): boolean {
  return notJudged !== cluster && touchesBorder === 0
}

/**
 * Class of a pellet by shape, against the median area (px^2) of its strip's header. The first that holds:
 *
 * 1. A cluster that was not split is `clusters`, cut or not: that pellets touch is seen in any part of it.
 * 2. A pellet that was cut has no class (undefined): its size and shape are not known. It stays among those found and, by
 *    its reason, among those not judged.
 * 3. `fines`: equivalent diameter < finesDiameter x sqrt(4 medianArea / pi).
 * 4. `twins`: area > twinArea x medianArea. Before tails, since two pellets joined in a row are long as well.
 * 5. `tails`: Feret length > tailLength x Feret width.
 * 6. `regular`.
 *
 * A value at a limit is within it. Oversize pieces are classed by their measures like all others: what does not fit a crop
 * is a long tail or a twin of the size of several. So over a lot the classes add up to found - shed - cut.
 */
export function classifyShape(
  measures: ShapeMeasures,
  medianAreaPx: number,
  limits: ShapeLimits,
): ShapeClass | undefined {
  if (measures.notJudged === cluster) return 'clusters'
  if (!isWholePellet(measures)) return undefined
  if (measures.equivalentDiameterPx < limits.finesDiameter * equivalentDiameter(medianAreaPx)) return 'fines'
  if (measures.areaPx > limits.twinArea * medianAreaPx) return 'twins'
  if (measures.feretLengthPx > limits.tailLength * measures.feretWidthPx) return 'tails'
  return 'regular'
}
