import { type Fault, faultEffects } from '../faults.ts'
import { createRandom } from '../random.ts'
import type { LineSettings } from '../settings.ts'

/** One strip's place in the run. */
export interface StripPlace {
  readonly firstRow: number
  readonly rows: number
  /** Rows lost by the simulated camera right before it. */
  readonly rowsLostBefore: number
}

/** Rows lost by the simulated camera. */
export interface LostRows {
  /** The first run of lost rows at or after a row, none beyond `before`. */
  next(row: number, before: number): { readonly from: number; readonly to: number } | undefined
}

const blockRows = 1000

/** The runs of lost rows of one run: at most one in every 1,000 rows, a function of seed and row only. */
export function createLostRows(settings: LineSettings, seed: number, faults: readonly Fault[]): LostRows {
  const inBlock = (block: number): { from: number; to: number } | undefined => {
    const random = createRandom(seed, 41, block)
    const begins = block * blockRows
    const faulty = faultEffects(faults, begins / settings.rowsPerSecond).rowsLost
    const probability = Math.max(settings.optics.lossesPer100kRows / 100, faulty ? 0.5 : 0)
    if (!random.chance(probability)) return undefined
    const length = random.int(1, settings.optics.maxLostRows)
    // Row 0 of a block is never lost, so two runs never meet.
    const from = begins + random.int(1, blockRows - length)
    return { from, to: from + length }
  }
  return {
    next: (row, before) => {
      for (let block = Math.floor(row / blockRows); block * blockRows < before; block++) {
        const gap = inBlock(block)
        if (gap !== undefined && gap.to > row && gap.from < before) return gap
      }
      return undefined
    },
  }
}

/**
 * Cuts a run into strips of `stripRows` rows, shorter before lost rows, until `endRow` (left out: for ever). The last strip
 * ends there in every case; where the rows before it are lost, it has none.
 */
export function* cutStrips(
  settings: LineSettings,
  lostRows: LostRows,
  endRow = Number.POSITIVE_INFINITY,
): Generator<StripPlace> {
  let row = 0
  let lost = 0
  while (row < endRow) {
    const wanted = Math.min(row + settings.stripRows, endRow)
    const gap = lostRows.next(row, wanted)
    if (gap !== undefined && gap.from <= row) {
      lost += Math.min(gap.to, endRow) - row
      row = gap.to
      continue
    }
    const end = gap === undefined ? wanted : gap.from
    yield { firstRow: row, rows: end - row, rowsLostBefore: lost }
    row = end
    lost = 0
  }
  // Rows lost at the end are lost before a strip without rows, by which the run ends.
  if (lost > 0) yield { firstRow: endRow, rows: 0, rowsLostBefore: lost }
}
