import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type AuditRequestItemSchema,
  type AuditRequestMessageSchema,
  type CropsMessage,
  KeepReason,
  type KeptPelletSchema,
  type VerdictsMessageSchema,
} from '../gen/pelletline/events/v1/events_pb.ts'
import {
  type ModelRef,
  Outcome,
  ReconciliationSchema,
  StageTimesSchema,
  Verdict,
} from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { AuditSampling } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import { judgedPositions } from './check-crops-message.ts'
import type { JudgedCrops } from './crop-batcher.ts'
import { auditShare, drawAudit } from './sample-audit.ts'

/** By what a part is judged. */
export interface JudgingRules {
  readonly model: ModelRef
  /** On the margin zNG - zOK; NG from there on. A float32, as messages carry it. */
  readonly threshold: number
  readonly sampling: AuditSampling
  readonly auditSalt: string
  /** OK pellets within the band below the threshold, nearest first, whose pixels travel with the verdicts. */
  readonly galleryPerPart: number
}

/** What becomes of one part. */
export interface JudgedPart {
  readonly verdicts: MessageInitShape<typeof VerdictsMessageSchema>
  /** Absent where no pellet was drawn. */
  readonly auditRequest: MessageInitShape<typeof AuditRequestMessageSchema> | undefined
}

/**
 * Turns a part and the margins of its crops (in index order) into its verdicts and its audit request: a pure function, so
 * a message that comes again gives the same answer and the same sample.
 */
export function judgePart(
  message: CropsMessage,
  judged: Pick<JudgedCrops, 'margins' | 'beganNs' | 'endedNs'> & { readonly queuedNs: bigint },
  rules: JudgingRules,
): JudgedPart {
  const header = message.header!
  const pellets = message.pellets!
  const { margins } = judged
  const { threshold } = rules
  const outcome = new Array<number>(pellets.notJudged.length).fill(Outcome.NOT_JUDGED)
  const margin = new Array<number>(pellets.notJudged.length).fill(0)
  const kept: MessageInitShape<typeof KeptPelletSchema>[] = []
  const near: { readonly place: number; readonly index: number }[] = []
  const items: MessageInitShape<typeof AuditRequestItemSchema>[] = []
  const cropAt = (place: number) => message.crops.subarray(place * cropBytes, (place + 1) * cropBytes)
  const share = auditShare(margins, threshold, rules.sampling)
  let ng = 0
  for (const [place, position] of judgedPositions(message).entries()) {
    const value = margins[place]!
    const index = message.firstIndex + position
    outcome[position] = Outcome.CLASSIFIED
    margin[position] = value
    const isNg = value >= threshold
    if (isNg) {
      ng += 1
      kept.push({ index, reason: KeepReason.NG, crop: cropAt(place) })
    } else if (value >= threshold - rules.sampling.nearThresholdBand) near.push({ place, index })
    const draw = drawAudit(rules.auditSalt, { strip: header.key!, index }, value, threshold, rules.sampling, share)
    if (draw !== undefined) {
      items.push({
        index,
        ...draw,
        crop: cropAt(place),
        studentMargin: value,
        studentVerdict: isNg ? Verdict.NG : Verdict.OK,
      })
    }
  }
  near.sort((a, b) => margins[b.place]! - margins[a.place]! || a.index - b.index)
  for (const { place, index } of near.slice(0, rules.galleryPerPart)) {
    kept.push({ index, reason: KeepReason.GALLERY, crop: cropAt(place) })
  }
  const reconciliation = create(ReconciliationSchema, {
    ...message.reconciliation!,
    classified: BigInt(margins.length),
    ng: BigInt(ng),
  })
  const { part, partCount, firstIndex } = message
  return {
    verdicts: {
      header,
      part,
      partCount,
      firstIndex,
      pellets,
      ...(message.specks === undefined ? {} : { specks: message.specks }),
      outcome,
      margin,
      model: rules.model,
      threshold,
      kept,
      auditSampled: items.length,
      reconciliation,
      times: create(StageTimesSchema, {
        ...(message.times ?? create(StageTimesSchema)),
        inferenceQueuedUnixNs: judged.queuedNs,
        inferenceBeganUnixNs: judged.beganNs,
        inferenceEndedUnixNs: judged.endedNs,
      }),
    },
    auditRequest:
      items.length === 0
        ? undefined
        : { key: header.key!, part, lot: header.lot, student: rules.model, threshold, items },
  }
}
