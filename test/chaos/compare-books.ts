import { matchTruth, type PelletTruth } from '../../services/line-simulator/index.ts'
import { type Kysely, type Tables, unpackColumns } from '../../services/shared/store/index.ts'
import type { TruthOfRun } from './feed-with-truth.ts'

/** What the books say of one run, pellet by pellet against the truth of its camera. */
export interface BooksOfRun {
  readonly line: string
  readonly run: string
  /** Pellets that the camera saw whole, off the edges of its field and of what it lost. */
  readonly truth: number
  /** Pellets that are booked, those at the edges included. */
  readonly booked: number
  /** Pellets of the truth that no booked pellet is. */
  readonly lost: readonly PelletTruth[]
  /** Booked pellets beyond the first for one place of the belt. */
  readonly doubled: number
  /** Booked pellets away from the edges where no pellet was. */
  readonly unknown: number
  /** Strips of the run of which a part is missing in the books. */
  readonly stripsIncomplete: number
  /** Rows that the books say were acquired and lost, beside what the camera delivered and lost. */
  readonly rows: number
  readonly rowsLost: number
  readonly rowsByTruth: number
  readonly rowsLostByTruth: number
}

interface BookedPellets {
  readonly count: number
  readonly x: number[]
  readonly y: number[]
  readonly width: number[]
  readonly height: number[]
}

/** Pixels from the edges of the field within which a pellet may be cut, so that neither side is held to it. */
const edgePx = 3

/** Reads every booked pellet of a run and pairs it with the truth by place and size. */
export async function compareBooks(db: Kysely<Tables>, truth: TruthOfRun): Promise<BooksOfRun> {
  const parts = await db
    .selectFrom('strip_parts')
    .innerJoin('runs', 'runs.run_id', 'strip_parts.run_id')
    .select(['strip', 'part', 'part_count', 'first_row', 'columns', 'strip_parts.rows_acquired', 'rows_lost'])
    .where('runs.line', '=', truth.line)
    .where('runs.run', '=', truth.run)
    .orderBy('strip')
    .orderBy('part')
    .execute()
  const booked: BookedPellets = { count: 0, x: [], y: [], width: [], height: [] }
  const partsOf = new Map<bigint, { seen: number; whole: number }>()
  let rows = 0
  let rowsLost = 0
  for (const part of parts) {
    const strip = partsOf.get(part.strip) ?? { seen: 0, whole: part.part_count }
    strip.seen++
    partsOf.set(part.strip, strip)
    rows += Number(part.rows_acquired)
    rowsLost += Number(part.rows_lost)
    const { x, y, width, height } = unpackColumns(part.columns)
    booked.x.push(...x)
    booked.y.push(...y.map((row) => row + Number(part.first_row)))
    booked.width.push(...width)
    booked.height.push(...height)
  }
  const all = { ...booked, count: booked.x.length }
  const { truthOf, pelletOf } = matchTruth(truth.pellets, all)
  const rowsLostByTruth = truth.gaps.reduce((sum, [from, to]) => sum + to - from, 0)
  const endRow = truth.rows + rowsLostByTruth
  // Of what reaches into lost rows nobody saw the whole.
  const edges = [[0, 0] as const, ...truth.gaps, [endRow, endRow] as const]
  const isInside = (x: number, y: number, width: number, height: number) =>
    x >= edgePx &&
    x + width <= truth.width - edgePx &&
    edges.every(([from, to]) => y + height <= from - edgePx || y >= to + edgePx)
  const inner = truth.pellets.map(({ box }) => isInside(box.x, box.y, box.width, box.height))
  const lost = truth.pellets.filter((_, i) => inner[i] && pelletOf[i] === -1)
  const seen = new Set<string>()
  let doubled = 0
  let unknown = 0
  for (let i = 0; i < all.count; i++) {
    const place = [all.x[i], all.y[i], all.width[i], all.height[i]].join()
    if (seen.has(place)) doubled++
    else if (truthOf[i] === -1 && isInside(all.x[i]!, all.y[i]!, all.width[i]!, all.height[i]!)) unknown++
    seen.add(place)
  }
  const incomplete = [...partsOf.values()].filter(({ seen, whole }) => seen !== whole).length
  return {
    line: truth.line,
    run: truth.run,
    truth: inner.filter(Boolean).length,
    booked: all.count,
    lost,
    doubled,
    unknown,
    stripsIncomplete: incomplete + Math.max(0, truth.strips - partsOf.size),
    rows,
    rowsLost,
    rowsByTruth: truth.rows,
    rowsLostByTruth,
  }
}
