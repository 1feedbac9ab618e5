import { rowAt } from './carried-rows'
import { copyRow, cropMargin, cropSide, endCopiedRow, firstCopiedRow, indexRows, limitColumns } from './cut-crop'
import { bottom, left, right, top } from './measure-region'
import { Buffer, reserve } from './memory'
import { RunList } from './run-list'

// Crops of version 1 at a scale below 1, as ../cut-crop.ts: gray averaged by area, edges in 1/256 px, row sums first. What a
// crop pixel covers along one axis is 16 bytes (i32): 0 first, 4 last value, 8 weight of the first, 12 of the last.

const fractionBits: i32 = 8
const fraction: i32 = 256
const edges: usize = memory.data(204)
const across: usize = memory.data(800)
const down: usize = memory.data(800)
const line = changetype<Buffer>(memory.data(8))
const sums = changetype<Buffer>(memory.data(8))

/** JavaScript's Math.round. */
function round(x: f64): f64 {
  const up = ceil<f64>(x)
  return up - 0.5 > x ? up - 1 : up
}

/** What JavaScript stores of a number in an Int32Array: whole numbers modulo 2^32, 0 for what is not finite. */
function wrap(x: f64): i32 {
  if (abs<f64>(x) < 2147483648) return i32(x)
  if (abs<f64>(x) === Infinity || Number.isNaN(x)) return 0
  const whole = trunc<f64>(x)
  return i32(u32(whole - floor<f64>(whole / 4294967296) * 4294967296))
}

function edge(i: i32): i32 {
  return load<i32>(edges + (usize(i) << 2))
}

/** Spreads the crop's edges, shifted, over `length` values; what lies outside them counts as 0. */
function spread(shift: i32, length: i32, cells: usize): void {
  for (let i = 0; i < cropSide; i++) {
    const from = max<i64>(0, i64(edge(i)) + i64(shift))
    const to = min<i64>(i64(length) * fraction, i64(edge(i + 1)) + i64(shift))
    const first = i32(from) >> fractionBits
    const last = to <= from ? first - 1 : i32(to - 1) >> fractionBits
    const cell = cells + (usize(i) << 4)
    store<i32>(cell, first)
    store<i32>(cell, last, 4)
    store<i32>(cell, i32(min<i64>(to, i64(first + 1) * fraction) - from), 8)
    store<i32>(cell, i32(to - i64(last) * fraction), 12)
  }
}

/** Weighted sums of the bytes of one line, one per crop pixel. */
function sumLine(bytes: usize, to: usize): void {
  for (let i = 0; i < cropSide; i++) {
    const cell = across + (usize(i) << 4)
    const from = load<i32>(cell)
    const last = load<i32>(cell, 4)
    let sum = 0
    if (last >= from) {
      sum = load<i32>(cell, 8) * i32(load<u8>(bytes + usize(from)))
      for (let k = from + 1; k < last; k++) sum += fraction * i32(load<u8>(bytes + usize(k)))
      if (last > from) sum += load<i32>(cell, 12) * i32(load<u8>(bytes + usize(last)))
    }
    store<i32>(to + (usize(i) << 2), sum)
  }
}

/** Weighted sum of the lines' sums in column i for crop row j. */
function sumColumn(i: i32, j: i32): f64 {
  const cell = down + (usize(j) << 4)
  const from = load<i32>(cell)
  const last = load<i32>(cell, 4)
  if (last < from) return 0
  const lineBytes = usize(cropSide) << 2
  let at = sums.at + usize(from) * lineBytes + (usize(i) << 2)
  let sum = f64(load<i32>(cell, 8)) * f64(load<i32>(at))
  for (let k = from + 1; k < last; k++) {
    at += lineBytes
    sum += f64(fraction) * f64(load<i32>(at))
  }
  if (last > from) sum += f64(load<i32>(cell, 12)) * f64(load<i32>(at + lineBytes))
  return sum
}

/** Writes a crop at a scale below 1. */
export function scaleCrop(runs: RunList, baseRow: i32, cropScale: f64, crop: usize): void {
  const half = cropSide / 2
  const columns = right - left + 2 * cropMargin
  const lines = bottom - top + 2 * cropMargin
  const originX = left - cropMargin
  const originY = baseRow + top - cropMargin
  for (let i = 0; i <= cropSide; i++) {
    store<i32>(edges + (usize(i) << 2), wrap(round((f64(i - half) * fraction) / cropScale)))
  }
  spread((left + ((right - left) >> 1) - originX) * fraction, columns, across)
  spread((((bottom - top) >> 1) + cropMargin) * fraction, lines, down)

  indexRows(runs)
  limitColumns(originX, originX + columns)
  const bytes = reserve(line, usize(columns), 0)
  const table = reserve(sums, (usize(lines) * usize(cropSide)) << 2, 0)
  const first = firstCopiedRow(baseRow, originY) - originY
  const end = endCopiedRow(baseRow, originY + lines) - originY
  for (let y = 0; y < lines; y++) {
    const to = table + ((usize(y) * usize(cropSide)) << 2)
    if (y < first || y >= end) {
      memory.fill(to, 0, usize(cropSide) << 2)
      continue
    }
    memory.fill(bytes, 0, usize(columns))
    copyRow(bytes - usize(originX), rowAt(originY + y), y - cropMargin)
    sumLine(bytes, to)
  }
  for (let j = 0; j < cropSide; j++) {
    const high = f64(edge(j + 1)) - f64(edge(j))
    for (let i = 0; i < cropSide; i++) {
      const area = (f64(edge(i + 1)) - f64(edge(i))) * high
      const gray = floor<f64>((2 * sumColumn(i, j) + area) / (2 * area))
      store<u8>(crop + usize(j * cropSide + i), u8(wrap(gray)))
    }
  }
}
