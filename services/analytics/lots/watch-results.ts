import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { ReconciliationSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type {
  NgPelletSchema,
  WatchResultsRequest,
  WatchResultsResponseSchema,
} from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'
import { readLastPosition } from '../retention/deleted-positions.ts'
import { readLotRow } from './change-lots.ts'

type Result = MessageInitShape<typeof WatchResultsResponseSchema>

export interface WatchResultsOptions {
  readonly db: Kysely<Tables>
  /** Changes whenever parts have been booked by this process. */
  readonly booked: ChangeSignal
  readonly pageRows?: number
}

// Another analytics may write to the same database; a follower looks that often.
const pollMs = 1_000

/**
 * Booked parts after a position, from the table and then as they come. One page is held at a time, and the next is read
 * when the reader has taken it, so a slow reader slows itself only. Ends with the signal, or with `until_now` once all
 * that was booked at the call has been sent. Throws `not_found` for an unknown lot, and `failed_precondition` for a position beyond
 * the last one, which the books have not given out or no longer know after a restore.
 */
export async function* watchResults(
  { db, booked, pageRows = 100 }: WatchResultsOptions,
  request: WatchResultsRequest,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  const lotId = request.lot === '' ? undefined : (await readLotRow(db, request.lot)).lot_id
  const last = await readLastPosition(db)
  let after = request.afterPosition
  if (after > last) {
    throw new PelletlineError(
      'failed_precondition',
      `after_position is ${after}, and the last position in the books is ${last}: they have been put back to an older state since. ` +
        'Watch again after a position that was received before that state, or after 0, and leave out by key and part what you have.',
    )
  }
  const end = request.untilNow ? last : undefined
  while (!signal.aborted) {
    const version = booked.version
    const page = await readPage(db, { after, lotId, end, pageRows })
    for (const result of page) {
      yield result
      after = result.position ?? after
    }
    if (page.length > 0) continue
    if (end !== undefined) return
    await booked.waitForChange(version, { signal, timeoutMs: pollMs })
  }
}

interface Page {
  readonly after: bigint
  readonly lotId: bigint | undefined
  readonly end: bigint | undefined
  readonly pageRows: number
}

async function readPage(db: Kysely<Tables>, { after, lotId, end, pageRows }: Page): Promise<Result[]> {
  const parts = await db
    .selectFrom('strip_parts')
    .innerJoin('runs', 'runs.run_id', 'strip_parts.run_id')
    .innerJoin('lots', 'lots.lot_id', 'strip_parts.lot_id')
    .select(['position', 'plant', 'runs.line', 'camera', 'run', 'strip', 'part', 'lots.name as lot'])
    .select([
      'strip_parts.simulated',
      'rows_acquired',
      'rows_lost',
      'strips',
      'found',
      'classified',
      'screened',
      'shed',
    ])
    .select(['not_judged', 'cluster', 'oversize', 'image_edge', 'cut_by_lost_rows', 'ng', 'dust'])
    .where('position', '>', after)
    .$if(lotId !== undefined, (query) => query.where('strip_parts.lot_id', '=', lotId ?? 0n))
    .$if(end !== undefined, (query) => query.where('position', '<=', end ?? 0n))
    .orderBy('position')
    .limit(pageRows)
    .execute()
  if (parts.length === 0) return []
  const positions = parts.map(({ position }) => position)
  const pellets = await db
    .selectFrom('pellets')
    .select(['position', 'index', 'x', 'y', 'width', 'height', 'margin'])
    .where('position', 'in', positions)
    .where('ng', '=', true)
    .orderBy('position')
    .orderBy('index')
    .execute()
  const byPosition = Map.groupBy(pellets, (pellet) => pellet.position)
  return parts.map((row): Result => {
    const key = { plant: row.plant, line: row.line, camera: row.camera, run: row.run, strip: row.strip }
    return {
      position: row.position,
      key,
      part: row.part,
      lot: row.lot,
      simulated: row.simulated,
      reconciliation: create(ReconciliationSchema, {
        rowsAcquired: row.rows_acquired,
        rowsLost: row.rows_lost,
        strips: BigInt(row.strips),
        found: BigInt(row.found),
        classified: BigInt(row.classified),
        screened: BigInt(row.screened),
        shed: BigInt(row.shed),
        notJudged: BigInt(row.not_judged),
        notJudgedByReason: {
          cluster: BigInt(row.cluster),
          oversize: BigInt(row.oversize),
          imageEdge: BigInt(row.image_edge),
          lostRows: BigInt(row.cut_by_lost_rows),
        },
        ng: BigInt(row.ng),
        dust: BigInt(row.dust),
      }),
      ngPellets: (byPosition.get(row.position) ?? []).map(
        (pellet): MessageInitShape<typeof NgPelletSchema> => ({
          key: { strip: key, index: pellet.index },
          // A box is unsigned; a pellet cannot begin before the run's first row.
          box: { x: pellet.x, y: pellet.y < 0n ? 0n : pellet.y, width: pellet.width, height: pellet.height },
          margin: pellet.margin,
        }),
      ),
    }
  })
}
