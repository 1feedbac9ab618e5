import { create } from '@bufbuild/protobuf'
import { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Estimate, EstimateSchema, type ModelRef } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  type Calibration,
  combineSegments,
  correctMisclassification,
} from '../../shared/statistics/correct-misclassification.ts'
import { estimateBinomialShare } from '../../shared/statistics/estimate-binomial-share.ts'
import {
  estimateWeightedShare,
  estimateWeightedTotal,
  type IntervalEstimate,
  type SizeEstimate,
  withUnseenStrata,
} from '../../shared/statistics/estimate-weighted-share.ts'

/** Judgements by one model at one threshold. */
export interface ModelSegment {
  readonly model: ModelRef
  readonly threshold: number
  readonly classified: bigint
  readonly ng: bigint
}

/** Audited pellets of one stratum and inclusion probability. */
export interface AuditGroup {
  readonly stratum: AuditStratum
  readonly inclusionProbability: number
  readonly audited: bigint
  readonly disagreed: bigint
}

/**
 * Error rates of a model at a threshold, from its manifest; undefined where it has none for that threshold, or it cannot be looked up
 * now. Does not reject: figures that need no correction do not hang on it.
 */
export type CalibrationOf = (
  model: ModelRef,
  threshold: number,
) => Promise<
  | {
      readonly sensitivity: { readonly successes: number; readonly trials: number }
      readonly falseNg: { readonly successes: number; readonly trials: number }
    }
  | undefined
>

function toEstimate(estimate: IntervalEstimate, factor: number): Estimate {
  return create(EstimateSchema, {
    value: estimate.value * factor,
    lower: estimate.lower * factor,
    upper: estimate.upper * factor,
    confidence: estimate.confidence,
  })
}

/**
 * NG per million classified pellets corrected for misclassification, each (model, threshold) by its own calibration and
 * the segments combined by size. Undefined where nothing was judged or any segment has no calibration.
 */
export async function correctedNgPpm(
  segments: readonly ModelSegment[],
  calibrationOf: CalibrationOf,
): Promise<Estimate | undefined> {
  const estimates: { size: number; estimate: IntervalEstimate }[] = []
  for (const { model, threshold, classified, ng } of segments) {
    const found = await calibrationOf(model, threshold)
    if (found === undefined) return undefined
    const calibration: Calibration = { sensitivity: found.sensitivity, falsePositive: found.falseNg }
    const estimate = correctMisclassification({ successes: Number(ng), trials: Number(classified) }, calibration)
    if (estimate === undefined) return undefined
    estimates.push({ size: Number(classified), estimate })
  }
  const combined = combineSegments(estimates)
  return combined === undefined ? undefined : toEstimate(combined, 1e6)
}

/** Pellets of a lot by what became of them; those NG are among the classified ones. */
export interface JudgedPellets {
  readonly classified: bigint
  readonly screened: bigint
  readonly ng: bigint
}

/**
 * Weighted share 0..1 of the pellets, classified or screened, on which student and teachers disagree; [0, 1] where none was
 * audited. Of a short lot often nothing was drawn of what was judged OK away from the threshold: it is unseen then. The value
 * counts those pellets as agreeing, the upper limit as disagreeing.
 */
export function disagreementOf(groups: readonly AuditGroup[], judged: JudgedPellets): Estimate {
  const estimate = estimateWeightedShare(
    groups.map((group) => ({ ...weighted(group), positive: Number(group.disagreed) })),
  )
  return toEstimate(withUnseenStrata(estimate, seenShare(groups, judged)), 1)
}

function weighted({ inclusionProbability, audited }: AuditGroup) {
  return { weight: 1 / inclusionProbability, sampled: Number(audited) }
}

/** Share of the pellets that lies in strata with an audit. */
function seenShare(groups: readonly AuditGroup[], judged: JudgedPellets): SizeEstimate {
  const pellets = Number(judged.classified + judged.screened)
  // Audits may be booked before the verdicts.
  if (pellets === 0) return { value: 1, least: 1 }
  const of = (stratum: AuditStratum) => groups.filter((group) => group.stratum === stratum && group.audited > 0n)
  const isSeen = (stratum: AuditStratum) => of(stratum).length > 0
  const counted =
    (isSeen(AuditStratum.NG) ? Number(judged.ng) : 0) + (isSeen(AuditStratum.SCREENED) ? Number(judged.screened) : 0)
  const ok = Number(judged.classified - judged.ng)
  // How many pellets were near the threshold is in no book; their audits tell it. Where pellets away from it were drawn and none
  // near it, these can only be few, as they are drawn more often: the largest weight in the upper limit covers them.
  const near = estimateWeightedTotal(of(AuditStratum.NEAR_THRESHOLD).map(weighted))
  const seenOk = (size: number) => (isSeen(AuditStratum.REST) ? ok : Math.min(ok, size))
  return { value: (counted + seenOk(near.value)) / pellets, least: (counted + seenOk(near.least)) / pellets }
}

/** NG per million classified pellets as judged, with the interval of Clopper and Pearson; [0, 1e6] where none was judged. */
export function ngPpm(ng: bigint, classified: bigint): Estimate {
  return toEstimate(estimateBinomialShare({ successes: Number(ng), trials: Number(classified) }), 1e6)
}
