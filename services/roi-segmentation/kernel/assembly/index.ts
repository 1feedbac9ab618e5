// The segmentation kernel in AssemblyScript: the same as the plain TypeScript one folder up, to the bit, with SIMD. Read that
// one and its DESIGN.md first. One instance segments one run; all state is that of the instance.

import { endRow, firstRowAtHand, rowAt } from './carried-rows'
import { writePixels } from './decode-blocks'
import { setSpeckLimits } from './find-specks'
import { isExhausted } from './memory'
import {
  absoluteRow,
  edgeAtHand,
  endRun,
  neededFromRow,
  segmentRows,
  setStripSettings,
  startKernel,
  takenDust,
  takenShed,
} from './segment-rows'
import { columnAt, cropsAt, speckColumnAt, takenPellets, takenSpecks } from './write-pellets'

/**
 * Begins: `width` px per row, `resumed` where the first strip is not the run's first. Again after a flush, with the same
 * width.
 */
export function start(width: i32, resumed: bool): void {
  startKernel(width, resumed)
}

/** Sets what holds for the next call; meanings and units as in ../types.ts. */
export function configure(
  threshold: i32,
  medianAreaPx: f64,
  minAreaPx: f64,
  cropScale: f64,
  maxPelletRows: i32,
  maxPelletsPerStrip: f64,
  bedLevel: i32,
  smallestSpeckPx: f64,
  minSpeckContrast: f64,
): void {
  setSpeckLimits(bedLevel, smallestSpeckPx, minSpeckContrast)
  setStripSettings(threshold, medianAreaPx, minAreaPx, cropScale, maxPelletRows, maxPelletsPerStrip)
}

/** Writes all `width` by `rows` pixels of a sparse strip at `pixels`: its blocks, and `fill` between them. */
export function decodeBlocks(bitmap: usize, blocks: usize, width: i32, rows: i32, fill: i32, pixels: usize): void {
  writePixels(bitmap, blocks, width, rows, fill, pixels)
}

/** Segments the rows that lie at `pixels`; 128 bytes before and behind them may be read. */
export function push(pixels: usize, rows: i32, firstRow: f64, rowsLost: bool): void {
  segmentRows(pixels, rows, firstRow, rowsLost)
}

/** Closes what is open at the end of the run. */
export function flush(): void {
  endRun()
}

/** What the last `push` or `flush` gave. */
export function pellets(): i32 {
  return takenPellets()
}

export function dust(): f64 {
  return takenDust
}

export function shed(): f64 {
  return takenShed
}

export function needed(): f64 {
  return neededFromRow
}

/** Address of a column of the pellets; which is which says `columnAt`. */
export function column(index: i32): usize {
  return columnAt(index)
}

/** Address of the crops, 2,500 bytes a pellet. */
export function crops(): usize {
  return cropsAt()
}

/** Specks of the last call, and the address of a column of them; which is which says `speckColumnAt`. */
export function specks(): i32 {
  return takenSpecks()
}

export function speckColumn(index: i32): usize {
  return speckColumnAt(index)
}

/** Rows carried over to the next call: how many, the number of the first, the address of each. */
export function carriedRows(): i32 {
  return endRow() - firstRowAtHand()
}

export function carriedFrom(): f64 {
  return absoluteRow(firstRowAtHand())
}

export function carriedRow(i: i32): usize {
  return rowAt(firstRowAtHand() + i)
}

/** What lies before them: 0 rows of this run, 1 its begin, 2 lost rows, 3 rows that were read before the run was resumed. */
export function carriedEdge(): i32 {
  return edgeAtHand()
}

/** Whether a trap came from memory that could not grow. */
export function outOfMemory(): bool {
  return isExhausted()
}
