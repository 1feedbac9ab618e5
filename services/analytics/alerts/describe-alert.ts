import { AlertKind } from '../../gen/pelletline/events/v1/events_pb.ts'
import type { AlertDecision } from './decide-alert.ts'

/** Kinds of alert that analytics raises by itself. */
export type MonitoredKind = typeof AlertKind.DISAGREEMENT | typeof AlertKind.ROWS_LOST

/** `1.25 %` of a share 0..1. */
function percent(share: number): string {
  return `${(share * 100).toPrecision(3)} %`
}

/** One sentence for the operator: what, where, the next step. */
export function describeAlert(
  kind: MonitoredKind,
  line: string,
  { value, audited }: AlertDecision,
  limit: number,
): string {
  switch (kind) {
    case AlertKind.DISAGREEMENT:
      return `Student and teachers disagree on ${percent(value.value)} of the pellets of ${line} (95 % interval ${percent(value.lower)} to ${percent(value.upper)}, limit ${percent(limit)}, ${audited} audited): look at the disagreeing pellets, the light and the window of the camera, and the product.`
    case AlertKind.ROWS_LOST:
      return `${line} lost ${percent(value.value)} of its rows (limit ${percent(limit)}): look at the load of the plant and the link to the camera.`
    default:
      return kind satisfies never
  }
}
