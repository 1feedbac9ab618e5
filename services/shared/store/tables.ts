import type { Generated } from 'kysely'

// int8 columns are bigint in both directions; times are Unix nanoseconds, 0 where they have not come.

/** Acquisition runs, so that a strip is three numbers in every other table. */
export interface RunTable {
  run_id: Generated<number>
  plant: string
  line: string
  camera: string
  run: string
  /** Strips below were durable when a gateway took the run up from another one; 0 where none did. */
  durable_below: Generated<bigint>
  /** Strips below have been looked at for those that were never reported (services/analytics/lots/count-unreported.ts). */
  scanned_below: Generated<bigint>
  /** Rows of `lot_segments` that begin below count with their `unreported`; `durable_below` once all of it is scanned. */
  settled_below: Generated<bigint>
}

/** Model files that have judged. */
export interface ModelTable {
  model_id: Generated<number>
  manifest_id: string
  sha256: string
}

/** Versions of recipes; a row is never changed. `body` is the proto's JSON. */
export interface RecipeTable {
  id: string
  version: number
  body: string
  stored_unix_ns: bigint
}

/** Lines with the recipe and the lot in force; `open_lot_id` null: the line's unassigned lot. */
export interface LineTable {
  id: string
  recipe: string
  recipe_version: number
  unassigned_lot_id: bigint
  open_lot_id: bigint | null
}

/** State of a lot as in pelletline.mes.v1.LotState: 1 open, 2 closing, 3 closed. */
export type LotStateNumber = 1 | 2 | 3

/** Lots; `lot_id` grows with the time of opening. */
export interface LotTable {
  lot_id: Generated<bigint>
  name: string
  line: string
  state: LotStateNumber
  /** Collects product of the line while no lot is open; never closed. */
  unassigned: boolean
  recipe: string
  recipe_version: number
  material: string
  external_job_id: string
  opened_unix_ns: bigint
  /** By the database's clock, as `reported_unix_ns` of the segments, with which it is compared. */
  closing_unix_ns: bigint
  closed_unix_ns: bigint
  simulated: boolean
  /** What a reader of the lot must know, e.g. why it was created without a call. */
  note: string
}

/** Sums of counts of a lot, updated in the transaction that books the parts. */
export interface LotCountTable {
  lot_id: bigint
  rows_acquired: bigint
  rows_lost: bigint
  strips: bigint
  found: bigint
  classified: bigint
  screened: bigint
  shed: bigint
  not_judged: bigint
  cluster: bigint
  oversize: bigint
  image_edge: bigint
  cut_by_lost_rows: bigint
  ng: bigint
  dust: bigint
  audited: bigint
  /** Pellets drawn for the teachers; for what was booked by schema version 7 or before, those that were audited by then. */
  audit_sampled: bigint
}

/** Strips of one run within one lot: how many have a part booked, how many are whole. */
export interface LotRunTable {
  lot_id: bigint
  run_id: number
  strips_seen: bigint
  strips_complete: bigint
}

/** What a gateway stamped; one row per segment of a run that it reported, or died without reporting. */
export interface LotSegmentTable {
  run_id: number
  first_strip: bigint
  lot_id: bigint
  /** Reported strips from `first_strip` on. */
  strips: bigint
  /** By the database's clock; 0 where the segment was not reported. */
  reported_unix_ns: bigint
  /** Strips from `first_strip` on that were booked whole and that no gateway reported. */
  unreported: Generated<bigint>
}

/** Strips that were booked whole and whose parts have been deleted, so that a part that comes again is known. */
export interface RetiredStripTable {
  run_id: number
  first_strip: bigint
  strips: bigint
}

/** Greatest position of a row that was deleted from a table; positions below were given out, whether or not a row has them. */
export interface DeletedPositionTable {
  table_name: 'strip_parts'
  last_position: bigint
}

/** Judgements of a lot by model and threshold, so that each can be corrected by its own calibration. */
export interface LotModelTable {
  lot_id: bigint
  model_id: number
  threshold: number
  classified: bigint
  ng: bigint
  /** When its first and its last strip were exposed; 0 for what was booked by schema version 3 or before. */
  first_exposed_unix_ns: Generated<bigint>
  last_exposed_unix_ns: Generated<bigint>
}

/** The audit of a lot by weight: rows are few, since a stratum of a recipe version has one probability. */
export interface LotAuditTable {
  lot_id: bigint
  stratum: number
  inclusion_probability: number
  audited: bigint
  disagreed: bigint
}

/** Sums of measures of a lot, updated in the transaction that books the parts. */
export interface LotMeasureTable {
  lot_id: bigint
  /** Pellets by shape (services/shared/inspection/classify-shape.ts). */
  regular: bigint
  fines: bigint
  tails: bigint
  twins: bigint
  clusters: bigint
  /** Pellets with a speck, and pellets on which specks were looked for. */
  specked: bigint
  specks_measured: bigint
  /** Pellets judged or screened, and the sum of their mean grays in thousandths of a gray level. */
  gray_pellets: bigint
  gray_milli: bigint
}

/** Pieces of a lot by class of size: quantity, unit and class as in services/shared/statistics/size-classes.ts. */
export interface LotHistogramTable {
  lot_id: bigint
  quantity: number
  unit: number
  class: number
  pieces: bigint
}

/**
 * One part of one strip. `columns` are the pellets (services/shared/store/pack-columns.ts), `specks` their specks
 * (pack-specks.ts), null where there is none.
 */
export interface StripPartTable {
  run_id: number
  strip: bigint
  part: number
  part_count: number
  /** Order of booking, for streams that are taken up again. */
  position: Generated<bigint>
  lot_id: bigint
  first_index: number
  first_row: bigint
  model_id: number | null
  threshold: number
  simulated: boolean
  exposed_unix_ns: bigint
  booked_unix_ns: bigint
  /** Stage times as in the messages, each by the clock of its service; 0 where it was not kept. */
  received_unix_ns: bigint
  segmentation_began_unix_ns: bigint
  segmentation_ended_unix_ns: bigint
  inference_queued_unix_ns: bigint
  inference_began_unix_ns: bigint
  inference_ended_unix_ns: bigint
  rows_acquired: bigint
  rows_lost: bigint
  strips: number
  found: number
  classified: number
  screened: number
  shed: number
  not_judged: number
  cluster: number
  oversize: number
  image_edge: number
  cut_by_lost_rows: number
  ng: number
  dust: number
  columns: Uint8Array
  specks: Uint8Array | null
  /** Dirt and lost light of the strip (services/analytics/booking/strip-condition.ts), in its first part; null where none. */
  condition: Uint8Array | null
}

/** Pellets with a row of their own: NG and gallery. */
export interface PelletTable {
  run_id: number
  strip: bigint
  index: number
  /** Position of the part. */
  position: bigint
  lot_id: bigint
  ng: boolean
  gallery: boolean
  x: number
  /** Row since the run began. */
  y: bigint
  width: number
  height: number
  margin: number
  crop: Uint8Array | null
}

/** Audited pellets; a row may come before its part. */
export interface AuditTable {
  run_id: number
  strip: bigint
  index: number
  position: Generated<bigint>
  lot_id: bigint
  student_id: number | null
  stratum: number
  inclusion_probability: number
  student_margin: number
  student_verdict: number
  teacher_verdict: number
  ensemble_score_ng: number
  /** Little-endian float32, one per teacher. */
  teacher_margins: Uint8Array
  crop: Uint8Array | null
  booked_unix_ns: bigint
  /** When the teachers had it in hand; 0 where it was not kept. */
  taken_unix_ns: bigint
  ended_unix_ns: bigint
}

/**
 * Audited pellets of which `audits` has the audit of another judgement already: one of two that came before the part, which says which
 * of the judgements is booked. A row goes when its part comes, to `audits` or for good.
 */
export interface SecondAuditTable extends Omit<AuditTable, 'position' | 'student_id'> {
  student_id: number
}

/** Alerts; kinds and states as in pelletline.events.v1. */
export interface AlertTable {
  alert_id: Generated<bigint>
  kind: number
  state: number
  plant: string
  line: string
  lot: string
  value: number
  value_lower: number
  value_upper: number
  confidence: number
  threshold: number
  window_audited: number
  message: string
  raised_unix_ns: bigint
  acknowledged_unix_ns: bigint
  resolved_unix_ns: bigint
  acknowledged_by: string
}

/** Every change of an alert, in their order; the bus gets each of them. */
export interface AlertChangeTable {
  change_id: Generated<bigint>
  alert_id: bigint
  /** The alert after the change, a pelletline.events.v1.Alert. */
  body: Uint8Array
  published: boolean
}

/** What all students are to do: one row, a pelletline.registry.v1.ModelAssignment. */
export interface ModelAssignmentTable {
  id: number
  generation: bigint
  body: Uint8Array
}

/** Changes of that, in their order; `action` as in pelletline.registry.v1.ModelAction. */
export interface ModelChangeTable {
  change_id: Generated<bigint>
  generation: bigint
  at_unix_ns: bigint
  changed_by: string
  action: number
  from_model: string
  to_model: string
  detail: string
  why: string
}

/** The last report of each student, a pelletline.registry.v1.StudentModels. */
export interface StudentReportTable {
  instance: string
  /** By the database's clock; the time in `body` is by that of the analytics that heard it. */
  reported_unix_ns: bigint
  body: Uint8Array
}

/** Applied migrations. */
export interface SchemaVersionTable {
  version: number
  name: string
  applied_unix_ns: bigint
}

/** All tables of the store. */
export interface Tables {
  runs: RunTable
  models: ModelTable
  recipes: RecipeTable
  lines: LineTable
  lots: LotTable
  lot_counts: LotCountTable
  lot_runs: LotRunTable
  lot_segments: LotSegmentTable
  lot_models: LotModelTable
  lot_audits: LotAuditTable
  lot_measures: LotMeasureTable
  lot_histograms: LotHistogramTable
  strip_parts: StripPartTable
  retired_strips: RetiredStripTable
  deleted_positions: DeletedPositionTable
  pellets: PelletTable
  audits: AuditTable
  second_audits: SecondAuditTable
  alerts: AlertTable
  alert_changes: AlertChangeTable
  model_assignments: ModelAssignmentTable
  model_changes: ModelChangeTable
  student_reports: StudentReportTable
  schema_versions: SchemaVersionTable
}
