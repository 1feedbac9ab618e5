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
  type IntervalEstimate,
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

/**
 * Weighted share 0..1 of pellets on which student and teachers disagree; [0, 1] where none was audited. Of a short lot often
 * nothing but NG is drawn: all that was judged OK is unseen then.
 */
export function disagreementOf(
  groups: readonly AuditGroup[],
  judged: { readonly classified: bigint; readonly ng: bigint },
): Estimate {
  const estimate = estimateWeightedShare(
    groups.map(({ inclusionProbability, audited, disagreed }) => ({
      weight: 1 / inclusionProbability,
      sampled: Number(audited),
      positive: Number(disagreed),
    })),
  )
  return toEstimate(withUnseenStrata(estimate, unseenShare(groups, judged)), 1)
}

/** Largest share of the judged pellets that lies in strata without an audit; how many were near the threshold is in no book. */
function unseenShare(
  groups: readonly AuditGroup[],
  judged: { readonly classified: bigint; readonly ng: bigint },
): number {
  const isSeen = (stratum: AuditStratum) => groups.some((group) => group.stratum === stratum && group.audited > 0n)
  // Audits may be booked before the verdicts, and all pellets of a lot may have passed the screen.
  if (judged.classified === 0n) return 0
  const ngShare = Number(judged.ng) / Number(judged.classified)
  return (isSeen(AuditStratum.NG) ? 0 : ngShare) + (isSeen(AuditStratum.REST) ? 0 : 1 - ngShare)
}

/** NG per million classified pellets as judged, with the interval of Clopper and Pearson; [0, 1e6] where none was judged. */
export function ngPpm(ng: bigint, classified: bigint): Estimate {
  return toEstimate(estimateBinomialShare({ successes: Number(ng), trials: Number(classified) }), 1e6)
}
