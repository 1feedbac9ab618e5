import { createDirtHysteresis } from './dirt-hysteresis.ts'
import { findDirtyColumns } from './find-dirty-columns.ts'
import type { StripLight } from './follow-light.ts'
import { type ColumnSpan, mergeColumns } from './merge-columns.ts'

/** Watches for columns that stay dark or bright while product moves: dirt on window or lens, dead pixels. */
export interface DirtFollower {
  /** Dirty columns in force: sorted, apart, at most 64. */
  readonly dirtyColumns: readonly ColumnSpan[]
  /** Takes the pixels of the next strip (8 bit, bright polarity) and the light by which it is judged. */
  follow(pixels: Uint8Array, light: Pick<StripLight, 'threshold' | 'bedLevel'>): void
}

/** Sums over the rows looked at, per column; older rows count ever less. */
export interface ColumnSums {
  /** Rows, as product counts them. */
  rows: number
  /** Rows in which the column showed the bed, and the sum of its gray there. */
  readonly bedRows: Float64Array
  readonly bedGray: Float64Array
  /** Rows in which it showed product, and the sum of its gray there. */
  readonly productRows: Float64Array
  readonly productGray: Float64Array
}

/** One row in so many is looked at: farther apart than a pellet is long, so that two rows show different pellets. */
export const rowStep = 89
/** Rows that are looked at between two judgements. */
const rowsPerJudgement = 256
/** What is kept behind a judgement: of the bed, which is even, some 500 rows count, of product some 2,500. */
const keepOfBed = 0.5
const keepOfProduct = 0.9
/** Up to this share of the way from the bed to the threshold a pixel is bed; above, it may be the dim rim of a pellet. */
const bedReach = 0.4
/** Product moves where at least this share of the columns changed sides between two rows that were looked at. */
const leastChange = 0.002

/**
 * Creates a follower. Product covers a column part of the time, and all columns about as often and as brightly as their
 * neighbours; dirt always. Rows without moving product (an empty or a standing belt) say nothing and are left out. A column is
 * called dirty, and clean again, when judgements in a row agree.
 */
export function createDirtFollower(width: number): DirtFollower {
  const sums: ColumnSums = {
    rows: 0,
    bedRows: new Float64Array(width),
    bedGray: new Float64Array(width),
    productRows: new Float64Array(width),
    productGray: new Float64Array(width),
  }
  const before = new Uint8Array(width)
  const hysteresis = createDirtHysteresis(width)
  let dirtyColumns: readonly ColumnSpan[] = []
  let untilNext = 0
  let untilJudgement = rowsPerJudgement

  function look(pixels: Uint8Array, start: number, threshold: number, bedLimit: number): void {
    let changes = 0
    for (let column = 0; column < width; column++) {
      const product = pixels[start + column]! > threshold ? 1 : 0
      changes += product ^ before[column]!
      before[column] = product
    }
    if (changes < leastChange * width) return
    const { bedRows, bedGray, productRows, productGray } = sums
    for (let column = 0; column < width; column++) {
      const gray = pixels[start + column]!
      if (before[column] === 1) {
        productRows[column]!++
        productGray[column]! += gray
      } else if (gray <= bedLimit) {
        bedRows[column]!++
        bedGray[column]! += gray
      }
    }
    sums.rows++
    if (--untilJudgement === 0) judge()
  }

  function judge(): void {
    untilJudgement = rowsPerJudgement
    const dirty = hysteresis.follow(findDirtyColumns(sums, 'enter'), findDirtyColumns(sums, 'stay'))
    dirtyColumns = mergeColumns(dirty)
    sums.rows *= keepOfProduct
    for (let column = 0; column < width; column++) {
      sums.bedRows[column]! *= keepOfBed
      sums.bedGray[column]! *= keepOfBed
      sums.productRows[column]! *= keepOfProduct
      sums.productGray[column]! *= keepOfProduct
    }
  }

  return {
    get dirtyColumns() {
      return dirtyColumns
    },
    follow(pixels, { threshold, bedLevel }) {
      const bedLimit = bedLevel + bedReach * (threshold - bedLevel)
      const rows = pixels.length / width
      let row = untilNext
      for (; row < rows; row += rowStep) look(pixels, row * width, threshold, bedLimit)
      untilNext = row - rows
    },
  }
}
