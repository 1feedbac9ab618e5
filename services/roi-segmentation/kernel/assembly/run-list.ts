import { Buffer, reserve } from './memory'

// A run is 8 bytes: x1 (u16), x0 (u16), y (u32), so that as a u64 it is the key by which runs are sorted: (y, x0).

export const runBytes: usize = 8

/** Pixels of one region as runs sorted by (row, x): columns [x0, x1) of row y, rows from the region's base row. */
@unmanaged
export class RunList {
  at: usize
  room: usize
  count: i32
}

export function runX1(run: usize): i32 {
  return i32(load<u16>(run))
}

export function runX0(run: usize): i32 {
  return i32(load<u16>(run, 2))
}

export function runY(run: usize): i32 {
  return load<i32>(run, 4)
}

function runKey(y: i32, x0: i32, x1: i32): u64 {
  return (u64(u32(y)) << 32) | u64((x0 << 16) | x1)
}

export function storeX1(run: usize, x1: i32): void {
  store<u16>(run, u16(x1))
}

/** One past the last run. */
export function runsEnd(list: RunList): usize {
  return list.at + (usize(list.count) << 3)
}

/** Makes room for `count` runs and keeps those that are there. */
export function reserveRuns(list: RunList, count: i32): usize {
  return reserve(changetype<Buffer>(list), usize(count) << 3, usize(list.count) << 3)
}

/** Appends a run where there is room for it. */
export function appendRun(list: RunList, y: i32, x0: i32, x1: i32): void {
  store<u64>(list.at + (usize(list.count) << 3), runKey(y, x0, x1))
  list.count++
}

/** Pixels of the region. */
export function runArea(list: RunList): f64 {
  let area: i64 = 0
  const end = runsEnd(list)
  for (let run = list.at; run < end; run += runBytes) area += runX1(run) - runX0(run)
  return f64(area)
}
