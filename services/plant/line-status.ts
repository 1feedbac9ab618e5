import type { Alert } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Estimate, Reconciliation, ShapeCounts } from '../gen/pelletline/inspection/v1/inspection_pb.ts'

/** What the simulator knows of the product it has shown so far. */
export interface TruthTally {
  /** Pellets shown, clusters and fines counted by piece. */
  readonly pellets: number
  /** Of these, with a speck at or above the smallest detectable size. */
  readonly ng: number
  /** Of these, with specks below it only. */
  readonly subSize: number
}

/** What was measured of the pellets of a lot. */
export interface LotMeasures {
  readonly shapes: ShapeCounts
  /** Pellets with a speck, of those on which specks were looked for. */
  readonly specked: number
  readonly specksMeasured: number
  /** Gray levels from the recipe's reference; undefined where it has none. */
  readonly grayDeviation: number | undefined
}

/** A line as the live table and the closing report show it. */
export interface LineStatus {
  readonly line: string
  readonly lot: string
  readonly rowsPerSecond: number
  /** Undefined of a lot that is older than the run, and of one whose end is not known. */
  readonly pelletsPerSecond: number | undefined
  /** NG per million classified pellets, as judged; undefined before the first. */
  readonly ngPpm: Estimate | undefined
  /** The same corrected for misclassification; undefined where the model's calibration is not known. */
  readonly ngPpmCorrected: Estimate | undefined
  readonly audited: number
  /** Weighted share of pellets on which student and teachers disagree, 0..1; undefined before the first audit. */
  readonly disagreement: Estimate | undefined
  readonly reconciliation: Reconciliation
  readonly balanced: boolean
  /** Nothing of the run is missing in the lot; of one that is older than the run, what was before counts no more. */
  readonly endedWell: boolean
  /** The lot takes product. */
  readonly isOpen: boolean
  /** Fill of the queue of crops in front of the student, 0..1. */
  readonly queueFill: number
  readonly alerts: readonly Alert[]
  /** Of the whole run; undefined of a lot that is not all of it, or more. */
  readonly truth: TruthTally | undefined
  /** Of a closed lot of which anything was measured. */
  readonly measures?: LotMeasures
}
