/**
 * Pixels of one region as horizontal runs, sorted by (row, x): run i covers columns [x0[i], x1[i]) of row y[i]. Rows count
 * from the region's own base row, so that they stay small; columns are those of the sensor. Buffers grow, never shrink.
 */
export interface RunList {
  count: number
  y: Int32Array
  x0: Int32Array
  x1: Int32Array
}

/** An empty list with room for `capacity` runs. */
export function createRunList(capacity: number): RunList {
  return { count: 0, y: new Int32Array(capacity), x0: new Int32Array(capacity), x1: new Int32Array(capacity) }
}

/** Makes room for at least `capacity` runs and keeps what is there. */
export function reserveRuns(list: RunList, capacity: number): void {
  if (list.y.length >= capacity) return
  const room = Math.max(capacity, list.y.length * 2)
  list.y = grown(list.y, room)
  list.x0 = grown(list.x0, room)
  list.x1 = grown(list.x1, room)
}

/** A larger copy of `array`, zeros behind. */
export function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

/** Appends one run; the caller keeps the order. */
export function appendRun(list: RunList, y: number, x0: number, x1: number): void {
  if (list.count === list.y.length) reserveRuns(list, list.count + 1)
  list.y[list.count] = y
  list.x0[list.count] = x0
  list.x1[list.count] = x1
  list.count++
}

/** Pixels of the region. */
export function runArea(list: RunList): number {
  let area = 0
  for (let i = 0; i < list.count; i++) area += list.x1[i]! - list.x0[i]!
  return area
}

/** Leftmost column of a region that has a run. */
export function runsLeft(list: RunList): number {
  let left = list.x0[0]!
  for (let i = 1; i < list.count; i++) if (list.x0[i]! < left) left = list.x0[i]!
  return left
}

/** One past the rightmost column of a region that has a run. */
export function runsRight(list: RunList): number {
  let right = list.x1[0]!
  for (let i = 1; i < list.count; i++) if (list.x1[i]! > right) right = list.x1[i]!
  return right
}
