import {
  afterPlane,
  beforePlane,
  boxColumns,
  boxRows,
  grayPlane,
  maskPlane,
  rowIndex,
  shadingPlane,
  smoothPlane,
  stride,
} from './pellet-patch'

// The shading of a pellet, as ../model-shading.ts: 16 pixels a step. Along a row a pixel depends on the one before it; there the
// largest of 1, 2, 4 and 8 pixels are found in turn, never across a pixel outside the outline.

/** Makes the shading what lines across and down make expected. */
export function beginShading(): void {
  const mask = maskPlane
  const smooth = smoothPlane - mask
  const before = beforePlane - mask
  const gray = grayPlane - mask
  const shading = shadingPlane - mask
  const width = usize(boxColumns)
  const last = mask + usize(rowIndex(boxRows - 1))
  for (let begin = mask + usize(rowIndex(0)); begin <= last; begin += usize(stride)) {
    scanRight(begin, begin + width, smooth, before)
    scanLeft(begin, width, smooth, before, gray, shading)
  }
  raise(1, 0)
}

/** Raises it to what the lines in the six other directions make expected. */
export function completeShading(): void {
  raise(1, 2)
  raise(1, 1)
  raise(2, 1)
  raise(2, -1)
  raise(1, -1)
  raise(1, -2)
}

/** Largest smoothed gray before each pixel of the row whose mask begins at `begin`; other planes lie so far from the mask. */
function scanRight(begin: usize, end: usize, smooth: usize, beforeRow: usize): void {
  const none = i8x16.splat(0)
  const all = i8x16.splat(-1)
  let before = none
  for (let at = begin; at < end; at += 16) {
    let mask = v128.load(at)
    let d = v128.and(v128.load(at + smooth - 1), mask)
    let shifted = i8x16.shuffle(none, d, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(all, mask, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30))
    shifted = i8x16.shuffle(none, d, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(all, mask, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29))
    shifted = i8x16.shuffle(none, d, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(all, mask, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27))
    shifted = i8x16.shuffle(none, d, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(all, mask, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23))
    d = i8x16.max_u(d, v128.and(before, mask))
    before = i8x16.splat(i8(i8x16.extract_lane_u(d, 15)))
    v128.store(at + beforeRow, d)
  }
}

/** Largest smoothed gray behind each pixel of a row, and with it what the row makes expected. */
function scanLeft(begin: usize, columns: usize, smooth: usize, beforeRow: usize, gray: usize, shading: usize): void {
  const none = i8x16.splat(0)
  const all = i8x16.splat(-1)
  let behind = none
  for (let at = begin + ((columns - 1) & ~usize(15)); at >= begin; at -= 16) {
    let mask = v128.load(at)
    let d = v128.and(v128.load(at + smooth + 1), mask)
    let shifted = i8x16.shuffle(d, none, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(mask, all, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
    shifted = i8x16.shuffle(d, none, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(mask, all, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17))
    shifted = i8x16.shuffle(d, none, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(mask, all, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19))
    shifted = i8x16.shuffle(d, none, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
    d = i8x16.max_u(d, v128.and(shifted, mask))
    mask = v128.and(mask, i8x16.shuffle(mask, all, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23))
    d = i8x16.max_u(d, v128.and(behind, mask))
    behind = i8x16.splat(i8(i8x16.extract_lane_u(d, 0)))
    const expected = i8x16.min_u(v128.load(at + beforeRow), d)
    v128.store(at + shading, i8x16.max_u(v128.load(at + gray), expected))
  }
}

/** Raises the shading to what the lines that step `rows` down and `columns` to the right make expected; rows is 1 or 2. */
function raise(rows: i32, columns: i32): void {
  const step = usize(rows * stride + columns)
  const next = usize(stride)
  // Distances of the other planes from the one before.
  const mask = maskPlane - beforePlane
  const smooth = smoothPlane - beforePlane
  const after = afterPlane - beforePlane
  const shading = shadingPlane - beforePlane
  const width = usize(boxColumns)
  const first = beforePlane + usize(rowIndex(0))
  const last = beforePlane + usize(rowIndex(boxRows - 1))
  for (let begin = first; begin <= last; begin += next) {
    const end = begin + width
    for (let at = begin; at < end; at += 16) {
      const from = at - step
      const largest = i8x16.max_u(v128.load(from), v128.load(from + smooth))
      v128.store(at, v128.and(largest, v128.load(at + mask)))
    }
  }
  for (let begin = last; begin >= first; begin -= next) {
    const end = begin + width
    for (let at = begin; at < end; at += 16) {
      const from = at + step
      const largest = i8x16.max_u(v128.load(from + after), v128.load(from + smooth))
      const behind = v128.and(largest, v128.load(at + mask))
      v128.store(at + after, behind)
      const expected = i8x16.min_u(v128.load(at), behind)
      v128.store(at + shading, i8x16.max_u(v128.load(at + shading), expected))
    }
  }
}
