import { Buffer, releaseBuffer, reserve } from './memory'

// The rows at hand: those of the strip being read, where they lie, and those carried over from the strips before, in a
// ring, so that each row is copied once however small strips are. Rows are i32 that wrap around: only differences count.

let width: i32 = 0
const ring = changetype<Buffer>(memory.data(8))
const larger = changetype<Buffer>(memory.data(8))
/** Rows that the ring holds. */
let capacity: i32 = 0
/** Place in the ring of row `stripRow`. */
let head: i32 = 0
let strip: usize = 0
let stripRow: i32 = 0
let end: i32 = 0
let first: i32 = 0

export function setRowWidth(px: i32): void {
  width = px
}

/** First row at hand; rows before it do not exist for a crop. */
export function firstRowAtHand(): i32 {
  return first
}

/** One past the last row at hand. */
export function endRow(): i32 {
  return end
}

/** First row of the strip being read. */
export function firstStripRow(): i32 {
  return stripRow
}

/** Forgets all rows; the next one is `row`. */
export function restartRows(row: i32): void {
  first = row
  stripRow = row
  end = row
}

/** Puts the rows of a strip at hand, without copying; they stay valid until `carryRows`. */
export function attachRows(pixels: usize, rows: i32): void {
  strip = pixels
  stripRow = end
  end += rows
}

/** Where a row lies; it must be at hand. */
export function rowAt(row: i32): usize {
  const inStrip = row - stripRow
  if (inStrip >= 0) return strip + usize(inStrip) * usize(width)
  const place = head + inStrip
  return ring.at + usize(place < 0 ? place + capacity : place) * usize(width)
}

/** Copies what later strips need, rows from `fromRow` on, and lets go of the strip. */
export function carryRows(fromRow: i32): void {
  const rows = end - stripRow
  const from = max(fromRow - stripRow, 0)
  let place = i32((i64(head) + from) % capacity)
  for (let i = from; i < rows; i++) {
    memory.copy(ring.at + usize(place) * usize(width), strip + usize(i) * usize(width), usize(width))
    place = place + 1 === capacity ? 0 : place + 1
  }
  head = i32((i64(head) + rows) % capacity)
  const needed = fromRow - end < 0 ? fromRow : end
  if (needed - first > 0) first = needed
  stripRow = end
}

/** Makes room for `rows` carried rows. */
export function reserveCarried(rows: i32): void {
  if (rows <= capacity) return
  larger.room = 0
  const at = reserve(larger, usize(rows) * usize(width), 0)
  const kept = stripRow - first
  for (let i = 0; i < kept; i++) {
    memory.copy(at + usize(i) * usize(width), rowAt(first + i), usize(width))
  }
  releaseBuffer(ring)
  ring.at = larger.at
  ring.room = larger.room
  capacity = rows
  head = kept === rows ? 0 : kept
}
