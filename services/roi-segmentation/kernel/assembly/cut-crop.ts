import { endRow, firstRowAtHand, rowAt } from './carried-rows'
import { bottom, isOneRunPerRow, left, right, top } from './measure-region'
import { Buffer, reserve } from './memory'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// Crops of version 1, as ../cut-crop.ts: the outline dilated by the disc of radius 2 px, in pixels of the sensor.

export const cropSide: i32 = 50
export const cropMargin: i32 = 2

let width: i32 = 0
/** Address of the first run of every row of the box, and of the end. */
const starts = changetype<Buffer>(memory.data(8))
/** Columns that may be copied, [copyLeft, copyRight). */
let copyLeft: i32 = 0
let copyRight: i32 = 0

export function setCropWidth(px: i32): void {
  width = px
}

/** Notes where the runs of every row of the box begin. */
export function indexRows(runs: RunList): void {
  const rows = bottom - top
  const at = reserve(starts, usize(rows + 1) << 2, 0)
  const end = runsEnd(runs)
  if (isOneRunPerRow) {
    for (let y = 0; y <= rows; y++) store<u32>(at + (usize(y) << 2), u32(runs.at + (usize(y) << 3)))
    return
  }
  let run = runs.at
  for (let y = 0; y <= rows; y++) {
    while (run < end && runY(run) - top < y) run += runBytes
    store<u32>(at + (usize(y) << 2), u32(run))
  }
}

/** Limits what is copied to the sensor's columns within [from, to). */
export function limitColumns(from: i32, to: i32): void {
  copyLeft = max(0, from)
  copyRight = min(width, to)
}

/** First and end row (absolute) of what may be copied for a region whose rows count from `baseRow`, within [from, to). */
export function firstCopiedRow(baseRow: i32, from: i32): i32 {
  const margin = baseRow + top - cropMargin
  const row = margin - firstRowAtHand() > 0 ? margin : firstRowAtHand()
  return row - from > 0 ? row : from
}

export function endCopiedRow(baseRow: i32, to: i32): i32 {
  const margin = baseRow + bottom + cropMargin
  const row = margin - endRow() < 0 ? margin : endRow()
  return row - to < 0 ? row : to
}

/** Copies columns [x, end) of the row at `source` to the line whose column 0 would be at `line`. */
function copyBytes(line: usize, source: usize, x: i32, end: i32): void {
  let from = source + usize(x)
  let to = line + usize(x)
  let bytes = end - x
  for (; bytes >= 16; bytes -= 16, from += 16, to += 16) v128.store(to, v128.load(from))
  for (; bytes > 0; bytes--, from++, to++) store<u8>(to, load<u8>(from))
}

/**
 * Copies what the dilated outline covers of row y of the box (from -2 on) to the line whose column 0 would be at `line`;
 * the rest of the line is left as it is. Neighbouring rows mostly overlap: what touches is copied as one piece.
 */
export function copyRow(line: usize, source: usize, y: i32): void {
  const rows = bottom - top
  let low = 0
  let high = 0
  const first = max(y - 2, 0)
  const last = min(y + 2, rows - 1)
  const end = load<u32>(starts.at + (usize(last + 1) << 2))
  for (let run = usize(load<u32>(starts.at + (usize(first) << 2))); run < usize(end); run += runBytes) {
    const grow = 2 - abs(runY(run) - top - y)
    const x = max(copyLeft, runX0(run) - grow)
    const stop = min(copyRight, runX1(run) + grow)
    if (x >= stop) continue
    if (x <= high && stop >= low && low < high) {
      low = min(low, x)
      high = max(high, stop)
    } else {
      copyBytes(line, source, low, high)
      low = x
      high = stop
    }
  }
  copyBytes(line, source, low, high)
}

/** Writes the bytes of a row that the dilated outline covers at scale 1: 64 bytes at `line`, of which the first 50 count. */
function cutRow(line: usize, source: usize, y: i32, originX: i32): void {
  const rows = bottom - top
  const from = source + usize(originX)
  let low = 0
  let high = 0
  let pieces = 0
  const first = max(y - 2, 0)
  const last = min(y + 2, rows - 1)
  const end = usize(load<u32>(starts.at + (usize(last + 1) << 2)))
  for (let run = usize(load<u32>(starts.at + (usize(first) << 2))); run < end; run += runBytes) {
    const grow = 2 - abs(runY(run) - top - y)
    const x = max(copyLeft, runX0(run) - grow)
    const stop = min(copyRight, runX1(run) + grow)
    if (x >= stop) continue
    if (low < high && x <= high && stop >= low) {
      low = min(low, x)
      high = max(high, stop)
    } else {
      if (low < high) {
        addPiece(line, from, low - originX, high - originX, pieces++)
      }
      low = x
      high = stop
    }
  }
  addPiece(line, from, low - originX, max(high - originX, low - originX), pieces)
}

/**
 * The same for a row with one run, as have the two above and the two below; false where they do not touch, which only a
 * very slanting outline has.
 */
function cutInnerRow(runs: usize, line: usize, source: usize, y: i32, originX: i32): bool {
  const run = runs + (usize(y) << 3)
  const x = runX0(run) - 2
  const end = runX1(run) + 2
  const nearX = min(runX0(run - 8), runX0(run + 8)) - 1
  const nearEnd = max(runX1(run - 8), runX1(run + 8)) + 1
  const farX = min(runX0(run - 16), runX0(run + 16))
  const farEnd = max(runX1(run - 16), runX1(run + 16))
  const last = max(max(runX0(run - 8), runX0(run + 8)) - 1, max(runX0(run - 16), runX0(run + 16)))
  const first = min(min(runX1(run - 8), runX1(run + 8)) + 1, min(runX1(run - 16), runX1(run + 16)))
  if (last > end || first < x) return false
  const low = max(copyLeft, min(x, min(nearX, farX)))
  const high = min(copyRight, max(end, max(nearEnd, farEnd)))
  addPiece(line, source + usize(originX), low - originX, max(high, low) - originX, 0)
  return true
}

/** Adds columns [low, high) of the 64 bytes at `from` to the 64 bytes at `line`, which piece 0 sets to 0 elsewhere. */
function addPiece(line: usize, from: usize, low: i32, high: i32, piece: i32): void {
  const begin = i8x16.splat(i8(low))
  const size = i8x16.splat(i8(high - low))
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  for (let at: usize = 0; at < 64; at += 16) {
    const column = i8x16.sub(i8x16.add(lanes, i8x16.splat(i8(at))), begin)
    let bytes = v128.and(v128.load(from + at), i8x16.lt_u(column, size))
    if (piece > 0) bytes = v128.or(bytes, v128.load(line + at))
    v128.store(line + at, bytes)
  }
}

/** Writes a crop at scale 1 to `crop`, and up to 14 bytes behind it. */
export function cutCrop(runs: RunList, baseRow: i32, crop: usize): void {
  const originX = left + ((right - left) >> 1) - cropSide / 2
  const originY = baseRow + top + ((bottom - top) >> 1) - cropSide / 2
  indexRows(runs)
  limitColumns(originX, originX + cropSide)
  const first = firstCopiedRow(baseRow, originY) - originY
  const end = max(endCopiedRow(baseRow, originY + cropSide) - originY, first)
  memory.fill(crop, 0, usize(first * cropSide))
  for (let j = first; j < end; j++) {
    const row = originY + j
    const y = row - baseRow - top
    const line = crop + usize(j * cropSide)
    if (!isOneRunPerRow || y < 2 || y >= bottom - top - 2 || !cutInnerRow(runs.at, line, rowAt(row), y, originX)) {
      cutRow(line, rowAt(row), y, originX)
    }
  }
  memory.fill(crop + usize(end * cropSide), 0, usize((cropSide - end) * cropSide))
}
