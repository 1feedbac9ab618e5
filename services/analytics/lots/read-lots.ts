import { create } from '@bufbuild/protobuf'
import type { AuditStratum } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Reconciliation, ReconciliationSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type Lot, LotSchema, type LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { type Kysely, type Selectable, sql, type Tables } from '../../shared/store/index.ts'
import { readRecipe } from '../registry/recipes.ts'
import type { ClosingRun } from './decide-closing.ts'
import { isBalanced } from './is-balanced.ts'
import {
  type AuditGroup,
  type CalibrationOf,
  correctedNgPpm,
  disagreementOf,
  type ModelSegment,
  ngPpm,
} from './lot-figures.ts'

import { grayDeviation, toMeasures } from './lot-measures.ts'

export type LotRow = Selectable<Tables['lots']>

type CountRow = Selectable<Tables['lot_counts']>

/** Counts of a lot as the message carries them; zero where nothing has been booked. */
export function toReconciliation(row: Omit<CountRow, 'lot_id'> | undefined): Reconciliation {
  return create(ReconciliationSchema, {
    rowsAcquired: row?.rows_acquired ?? 0n,
    rowsLost: row?.rows_lost ?? 0n,
    strips: row?.strips ?? 0n,
    found: row?.found ?? 0n,
    classified: row?.classified ?? 0n,
    screened: row?.screened ?? 0n,
    shed: row?.shed ?? 0n,
    notJudged: row?.not_judged ?? 0n,
    notJudgedByReason: {
      cluster: row?.cluster ?? 0n,
      oversize: row?.oversize ?? 0n,
      imageEdge: row?.image_edge ?? 0n,
      lostRows: row?.cut_by_lost_rows ?? 0n,
    },
    audited: row?.audited ?? 0n,
    auditSampled: row?.audit_sampled ?? 0n,
    ng: row?.ng ?? 0n,
    dust: row?.dust ?? 0n,
  })
}

/**
 * Strips of each run of the lots: booked, and stamped, whether that was reported or counted (count-unreported.ts). Segments
 * may overlap, and each strip counts once: what was not durable when a gateway reported it, or of which the camera side was
 * not told, comes to the next gateway too, which reports it with its own first strip.
 */
export async function readLotRuns(
  db: Kysely<Tables>,
  lotIds: readonly bigint[],
): Promise<Map<bigint, (ClosingRun & { readonly lastReportedUnixNs: bigint })[]>> {
  const byLot = new Map<bigint, (ClosingRun & { readonly lastReportedUnixNs: bigint })[]>()
  if (lotIds.length === 0) return byLot
  const ids = sql.join(lotIds)
  const { rows } = await sql<{
    lot_id: bigint
    seen: bigint
    complete: bigint
    stamped: bigint
    last_reported: bigint
  }>`
    select lot_id, coalesce(r.strips_seen, 0)::int8 as seen, coalesce(r.strips_complete, 0)::int8 as complete,
      coalesce(s.stamped, 0)::int8 as stamped, coalesce(s.last_reported, 0)::int8 as last_reported
    from (select * from lot_runs where lot_id in (${ids})) r
    full join (
      select lot_id, run_id, max(reported_unix_ns) as last_reported, sum(fresh + counted) as stamped
      from (
        select lot_id, run_id, reported_unix_ns,
          greatest(0, first_strip + strips - greatest(first_strip, max(first_strip + strips) over (
            partition by lot_id, run_id order by first_strip rows between unbounded preceding and 1 preceding))) as fresh,
          case when first_strip < settled_below then unreported else 0 end as counted
        from lot_segments join runs using (run_id) where lot_id in (${ids})
      ) segments
      group by lot_id, run_id
    ) s using (lot_id, run_id)`.execute(db)
  for (const { lot_id, seen, complete, stamped, last_reported } of rows) {
    const runs = byLot.get(lot_id) ?? []
    runs.push({ seen, complete, stamped, lastReportedUnixNs: last_reported })
    byLot.set(lot_id, runs)
  }
  return byLot
}

/** Judgements by one model at one threshold, with the times of its first and its last strip. */
interface LotSegment extends ModelSegment {
  readonly firstExposedUnixNs: bigint
  readonly lastExposedUnixNs: bigint
}

async function readSegments(db: Kysely<Tables>, lotIds: readonly bigint[]) {
  const byLot = new Map<bigint, LotSegment[]>()
  const rows = await db
    .selectFrom('lot_models')
    .innerJoin('models', 'models.model_id', 'lot_models.model_id')
    .select(['lot_id', 'manifest_id', 'sha256', 'threshold', 'classified', 'ng'])
    .select(['first_exposed_unix_ns', 'last_exposed_unix_ns'])
    .where('lot_id', 'in', lotIds)
    .orderBy('first_exposed_unix_ns')
    .orderBy('manifest_id')
    .execute()
  for (const { lot_id, manifest_id: id, sha256, threshold, classified, ng, ...exposed } of rows) {
    const model = { $typeName: 'pelletline.inspection.v1.ModelRef', id, sha256 } as const
    const times = {
      firstExposedUnixNs: exposed.first_exposed_unix_ns,
      lastExposedUnixNs: exposed.last_exposed_unix_ns,
    }
    byLot.set(lot_id, [...(byLot.get(lot_id) ?? []), { model, threshold, classified, ng, ...times }])
  }
  return byLot
}

async function readAuditGroups(db: Kysely<Tables>, lotIds: readonly bigint[]) {
  const byLot = new Map<bigint, AuditGroup[]>()
  // Of a group whose audits were all taken back the row stays.
  const rows = await db
    .selectFrom('lot_audits')
    .selectAll()
    .where('lot_id', 'in', lotIds)
    .where('audited', '>', 0n)
    .execute()
  for (const { lot_id, stratum, inclusion_probability, audited, disagreed } of rows) {
    const group = { stratum: stratum as AuditStratum, inclusionProbability: inclusion_probability, audited, disagreed }
    byLot.set(lot_id, [...(byLot.get(lot_id) ?? []), group])
  }
  return byLot
}

/** Reference grays of the lots' recipes by name and version; undefined where the books have no such recipe. */
function createReferenceGrays(db: Kysely<Tables>) {
  const known = new Map<string, Promise<number | undefined>>()
  const read = async ({ recipe, recipe_version }: LotRow) => {
    try {
      return recipe_version === 0 ? undefined : (await readRecipe(db, recipe, recipe_version)).referenceGray
    } catch (reason) {
      if (PelletlineError.from(reason).code !== 'not_found') throw reason
      return undefined
    }
  }
  return (row: LotRow): Promise<number | undefined> => {
    const key = `${row.recipe}/${row.recipe_version}`
    const found = known.get(key) ?? read(row)
    known.set(key, found)
    return found
  }
}

/** What the books hold of a lot, of one moment. */
export interface LotBooks {
  readonly row: LotRow
  readonly counts: CountRow | undefined
  readonly measured: Selectable<Tables['lot_measures']> | undefined
  readonly runs: readonly ClosingRun[]
  readonly segments: readonly LotSegment[]
  readonly audits: readonly AuditGroup[] | undefined
  /** Of the lot's recipe; undefined where the books have no such recipe, or it names none. */
  readonly referenceGray: () => Promise<number | undefined>
}

/** Reads what the books hold of lots; order is kept. */
export async function readLotBooks(db: Kysely<Tables>, rows: readonly LotRow[]): Promise<LotBooks[]> {
  const lotIds = rows.map((row) => row.lot_id)
  if (lotIds.length === 0) return []
  // One snapshot, or counts and strips of two moments would seem not to balance.
  const { counts, measures, runs, segments, audits } = await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (snapshot) => ({
      counts: Map.groupBy(
        await snapshot.selectFrom('lot_counts').selectAll().where('lot_id', 'in', lotIds).execute(),
        (row) => row.lot_id,
      ),
      measures: Map.groupBy(
        await snapshot.selectFrom('lot_measures').selectAll().where('lot_id', 'in', lotIds).execute(),
        (row) => row.lot_id,
      ),
      runs: await readLotRuns(snapshot, lotIds),
      segments: await readSegments(snapshot, lotIds),
      audits: await readAuditGroups(snapshot, lotIds),
    }))
  const referenceGrayOf = createReferenceGrays(db)
  return rows.map((row) => ({
    row,
    counts: counts.get(row.lot_id)?.[0],
    measured: measures.get(row.lot_id)?.[0],
    runs: runs.get(row.lot_id) ?? [],
    segments: segments.get(row.lot_id) ?? [],
    audits: audits.get(row.lot_id),
    referenceGray: () => referenceGrayOf(row),
  }))
}

/** A lot as its message says it. Waits for the calibration of its models where that has to be looked for. */
export async function describeLot(books: LotBooks, calibrationOf: CalibrationOf): Promise<Lot> {
  const { row, counts, measured, runs, segments, audits, referenceGray } = books
  const deviation = await grayDeviation(measured, referenceGray)
  const reconciliation = toReconciliation(counts)
  const corrected = await correctedNgPpm(segments, calibrationOf)
  return create(LotSchema, {
    id: row.name,
    line: row.line,
    state: row.state as LotState,
    recipe: row.recipe,
    recipeVersion: row.recipe_version,
    material: row.material,
    externalJobId: row.external_job_id,
    openedUnixNs: row.opened_unix_ns,
    closedUnixNs: row.closed_unix_ns,
    reconciliation,
    balanced: isBalanced(reconciliation, runs, row.state === 3),
    ...(reconciliation.classified === 0n ? {} : { ngPpm: ngPpm(reconciliation.ng, reconciliation.classified) }),
    ...(corrected === undefined ? {} : { ngPpmCorrected: corrected }),
    ...(audits === undefined ? {} : { disagreement: disagreementOf(audits, reconciliation) }),
    simulated: row.simulated,
    models: [...segments],
    note: row.note,
    stripsStamped: runs.reduce((sum, run) => sum + run.stamped, 0n),
    ...(measured === undefined ? {} : toMeasures(measured)),
    ...(deviation === undefined ? {} : { grayDeviation: deviation }),
  })
}

/** Completes rows of lots with counts and figures; order is kept. */
export async function describeLots(
  db: Kysely<Tables>,
  rows: readonly LotRow[],
  calibrationOf: CalibrationOf,
): Promise<Lot[]> {
  return Promise.all((await readLotBooks(db, rows)).map((books) => describeLot(books, calibrationOf)))
}
