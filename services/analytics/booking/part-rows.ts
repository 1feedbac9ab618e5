import { KeepReason, type VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import type { PelletColumns, SpeckColumns } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { laterColumns } from '../../shared/inspection/check-measures.ts'
import type { ShapeLimits } from '../../shared/inspection/classify-shape.ts'
import { type Insertable, packColumns, packSpecks, type Tables } from '../../shared/store/index.ts'
import type { LotReference } from '../lots/find-lot.ts'
import { conditionOf } from './entries.ts'
import { packCondition } from './strip-condition.ts'

export interface PartIds {
  readonly runId: number
  readonly lotId: bigint
  readonly modelId: number | null
}

/** A message with what the store knows of it. */
export interface Resolved<M> extends PartIds {
  readonly message: M
  readonly lot: LotReference
  /** Undefined where the books do not know the recipe. */
  readonly limits: ShapeLimits | undefined
}

/** Row of a part, from a message that `checkEntry` has passed. */
export function toPartRow(
  message: VerdictsMessage,
  ids: PartIds,
  bookedUnixNs: bigint,
): Insertable<Tables['strip_parts']> {
  const { header, pellets, reconciliation: counts, times } = message
  if (header?.key === undefined || pellets === undefined || counts === undefined) {
    throw new TypeError('A verdicts message without header, pellets or reconciliation passed validation.')
  }
  const reasons = counts.notJudgedByReason
  return {
    run_id: ids.runId,
    strip: header.key.strip,
    part: message.part,
    part_count: message.partCount,
    lot_id: ids.lotId,
    first_index: message.firstIndex,
    first_row: header.firstRow,
    model_id: ids.modelId,
    threshold: message.threshold,
    simulated: header.simulated,
    exposed_unix_ns: header.exposedUnixNs,
    booked_unix_ns: bookedUnixNs,
    received_unix_ns: times?.receivedUnixNs ?? 0n,
    segmentation_began_unix_ns: times?.segmentationBeganUnixNs ?? 0n,
    segmentation_ended_unix_ns: times?.segmentationEndedUnixNs ?? 0n,
    inference_queued_unix_ns: times?.inferenceQueuedUnixNs ?? 0n,
    inference_began_unix_ns: times?.inferenceBeganUnixNs ?? 0n,
    inference_ended_unix_ns: times?.inferenceEndedUnixNs ?? 0n,
    rows_acquired: counts.rowsAcquired,
    rows_lost: counts.rowsLost,
    strips: Number(counts.strips),
    found: Number(counts.found),
    classified: Number(counts.classified),
    screened: Number(counts.screened),
    shed: Number(counts.shed),
    not_judged: Number(counts.notJudged),
    cluster: Number(reasons?.cluster ?? 0n),
    oversize: Number(reasons?.oversize ?? 0n),
    image_edge: Number(reasons?.imageEdge ?? 0n),
    cut_by_lost_rows: Number(reasons?.lostRows ?? 0n),
    ng: Number(counts.ng),
    dust: Number(counts.dust),
    columns: packColumns(
      { ...takeMeasured(pellets), y: pellets.y.map(Number), outcome: message.outcome, margin: message.margin },
      pellets.x.length,
    ),
    specks: packAnySpecks(message.specks),
    condition: packCondition(conditionOf(message)),
  }
}

/** The columns without those that the producer did not measure. */
function takeMeasured(pellets: PelletColumns) {
  const missing = laterColumns.filter((name) => pellets[name].length === 0)
  return { ...pellets, ...Object.fromEntries(missing.map((name) => [name, undefined])) }
}

function packAnySpecks(specks: SpeckColumns | undefined): Uint8Array | null {
  return specks === undefined || specks.pellet.length === 0 ? null : packSpecks(specks)
}

/** Rows of the pellets that a part keeps; a pellet kept for two reasons is one row. */
export function toPelletRows(
  message: VerdictsMessage,
  ids: PartIds,
  position: bigint,
): Insertable<Tables['pellets']>[] {
  const { header, pellets, firstIndex } = message
  const rows = new Map<number, Insertable<Tables['pellets']>>()
  for (const kept of message.kept) {
    const at = kept.index - firstIndex
    const before = rows.get(kept.index)
    rows.set(kept.index, {
      run_id: ids.runId,
      strip: header?.key?.strip ?? 0n,
      index: kept.index,
      position,
      lot_id: ids.lotId,
      ng: before?.ng === true || kept.reason === KeepReason.NG,
      gallery: before?.gallery === true || kept.reason === KeepReason.GALLERY,
      x: pellets?.x[at] ?? 0,
      y: (header?.firstRow ?? 0n) + BigInt(pellets?.y[at] ?? 0),
      width: pellets?.width[at] ?? 0,
      height: pellets?.height[at] ?? 0,
      margin: message.margin[at] ?? 0,
      crop: kept.crop,
    })
  }
  return [...rows.values()]
}
