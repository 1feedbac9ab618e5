import { rowAt } from './carried-rows'
import { bottom, left, right, top } from './measure-region'
import { Buffer, reserve } from './memory'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

// One pellet cut out of the strip, as ../pellet-patch.ts, in planes of one byte a pixel with the same layout: pixel (0, 0) of
// the box lies `patchMargin` rows down and `border` columns in, a row is a multiple of 16 bytes, and every row has 8 columns or
// more of margin on both sides, so that blocks of 16 from the box's left edge on may reach beyond its right edge.

/** Rows of margin above and below the box; what coordinates of a patch count from, in columns as well. */
export const patchMargin: i32 = 2
const border: i32 = 8
const planes = changetype<Buffer>(memory.data(8))
const levels = changetype<Buffer>(memory.data(8))
const notches = changetype<Buffer>(memory.data(8))

export let stride: i32 = 0
/** Rows and columns of the box. */
export let boxRows: i32 = 0
export let boxColumns: i32 = 0
/** 255 within the outline, 0 outside. */
export let maskPlane: usize = 0
/** Gray above the bed, 0 where darker than it and outside the outline. */
export let grayPlane: usize = 0
/** The same smoothed. */
export let smoothPlane: usize = 0
/** The gray that the pellet's own shading makes expected there. */
export let shadingPlane: usize = 0
/** Working memory of the same layout, 0 all over. */
export let beforePlane: usize = 0
export let afterPlane: usize = 0
export let contrastPlane: usize = 0
/** Working memory that whoever uses it leaves 0 all over. */
export let levelPlane: usize = 0
export let notchPlane: usize = 0

/** Bytes of a plane. */
let planeBytes: usize = 0

/** Index of the first pixel of a row of the box. */
export function rowIndex(row: i32): i32 {
  return (row + patchMargin) * stride + border
}

/** Column and row of a pixel of the patch as ../pellet-patch.ts counts them: those of the box and the margin. */
export function patchX(at: i32): i32 {
  return (at % stride) - border + patchMargin
}

export function patchY(at: i32): i32 {
  return at / stride
}

/** A plane that holds only zeros, as it does whenever it is not in use. */
function reserveZeroed(plane: Buffer): usize {
  if (plane.room < planeBytes) memory.fill(reserve(plane, planeBytes, 0), 0, plane.room)
  return plane.at
}

function layOut(): void {
  boxColumns = right - left
  boxRows = bottom - top
  stride = ((boxColumns + 15) & ~15) + 2 * border
  planeBytes = usize(stride) * usize(boxRows + 2 * patchMargin) + 64
  maskPlane = reserve(planes, planeBytes * 7, 0)
  grayPlane = maskPlane + planeBytes
  beforePlane = grayPlane + planeBytes
  afterPlane = beforePlane + planeBytes
  smoothPlane = afterPlane + planeBytes
  contrastPlane = smoothPlane + planeBytes
  shadingPlane = contrastPlane + planeBytes
  levelPlane = reserveZeroed(levels)
  notchPlane = reserveZeroed(notches)
}

/** Copies the measured pellet, whose rows count from `baseRow`, into the patch, `bedLevel` taken off, and smooths it. */
export function fillPatch(outline: RunList, baseRow: i32, bedLevel: i32): void {
  layOut()
  // Contrast and shading are written as a whole, and so is the smoothed gray but for its first and last row.
  memory.fill(maskPlane, 0, planeBytes * 4)
  memory.fill(smoothPlane, 0, usize(stride))
  memory.fill(smoothPlane + usize(stride) * usize(boxRows + 2 * patchMargin - 1), 0, usize(stride))
  const bed = i8x16.splat(i8(bedLevel))
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const gray = grayPlane - maskPlane
  const mask = maskPlane + usize(rowIndex(-top) - left)
  const step = usize(stride)
  const end = runsEnd(outline)
  for (let run = outline.at; run < end; run += runBytes) {
    let from = rowAt(baseRow + runY(run)) + usize(runX0(run))
    let at = mask + usize(runY(run)) * step + usize(runX0(run))
    // What a block clears behind the run is written later: runs come in order.
    for (let count = runX1(run) - runX0(run); count > 0; count -= 16, from += 16, at += 16) {
      const within = count >= 16 ? i8x16.splat(-1) : i8x16.lt_u(lanes, i8x16.splat(i8(count)))
      v128.store(at, within)
      v128.store(at + gray, v128.and(i8x16.sub_sat_u(v128.load(from), bed), within))
    }
  }
  smoothPatch()
}

/** [1 2 1] / 4 down and then across, as two rounded means each. */
function smoothPatch(): void {
  const step = usize(stride)
  const end = usize(stride) * usize(boxRows + 2 * patchMargin) - step
  const spare = contrastPlane - grayPlane
  const grayEnd = grayPlane + end
  for (let at = grayPlane + step; at < grayEnd; at += 16) {
    const sides = i8x16.avgr_u(v128.load(at - step), v128.load(at + step))
    v128.store(at + spare, i8x16.avgr_u(sides, v128.load(at)))
  }
  // The first and the last byte have a neighbour in another row, which is margin, or before the first one.
  store<u8>(contrastPlane + step - 1, 0)
  store<u8>(contrastPlane + end, 0)
  const smooth = smoothPlane - contrastPlane
  const spareEnd = contrastPlane + end
  for (let at = contrastPlane + step; at < spareEnd; at += 16) {
    const sides = i8x16.avgr_u(v128.load(at - 1), v128.load(at + 1))
    v128.store(at + smooth, i8x16.avgr_u(sides, v128.load(at)))
  }
}
