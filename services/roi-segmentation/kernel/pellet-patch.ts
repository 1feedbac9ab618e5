import type { CarriedRows } from './carried-rows.ts'
import type { RegionMeasures } from './measure-region.ts'
import type { RunList } from './run-list.ts'

/**
 * One pellet cut out of the strip, row-major, `stride` bytes a row: pixel (0, 0) of its box is at index
 * `patchMargin * stride + patchMargin`, so that steps of two pixels from any pixel of the box stay within the patch.
 */
export interface PelletPatch {
  stride: number
  /** Rows with the margin. */
  rows: number
  /** 255 within the outline, 0 outside. */
  mask: Uint8Array
  /** Gray above the bed, 0 where darker than it; 0 outside the outline. */
  gray: Uint8Array
  /** The same smoothed by [1 2 1] / 4 along both axes. */
  smooth: Uint8Array
  /** The gray that the pellet's own shading makes expected there; see `model-shading.ts`. */
  shading: Uint8Array
}

/** Pixels between the box and the edge of the patch. */
export const patchMargin = 2

/** A patch with room for pellets of a common size; it grows when needed. */
export function createPelletPatch(): PelletPatch {
  const room = 64 * 64
  return {
    stride: 0,
    rows: 0,
    mask: new Uint8Array(room),
    gray: new Uint8Array(room),
    smooth: new Uint8Array(room),
    shading: new Uint8Array(room),
  }
}

/** Copies a pellet whose rows count from `baseRow` into the patch, `bedLevel` (a whole gray level) taken off, and smooths it. */
export function fillPatch(
  patch: PelletPatch,
  outline: RunList,
  box: RegionMeasures,
  baseRow: number,
  rows: CarriedRows,
  bedLevel: number,
): void {
  const stride = box.right - box.left + 2 * patchMargin
  const lines = box.bottom - box.top + 2 * patchMargin
  const size = stride * lines
  if (patch.mask.length < size) {
    patch.mask = new Uint8Array(size * 2)
    patch.gray = new Uint8Array(size * 2)
    patch.smooth = new Uint8Array(size * 2)
    patch.shading = new Uint8Array(size * 2)
  }
  patch.stride = stride
  patch.rows = lines
  const { mask, gray } = patch
  mask.fill(0, 0, size)
  gray.fill(0, 0, size)
  for (let i = 0; i < outline.count; i++) {
    const { bytes, offset } = rows.view(baseRow + outline.y[i]!)
    const at = (outline.y[i]! - box.top + patchMargin) * stride + patchMargin - box.left
    for (let x = outline.x0[i]!; x < outline.x1[i]!; x++) {
      mask[at + x] = 255
      gray[at + x] = Math.max(0, bytes[offset + x]! - bedLevel)
    }
  }
  smoothPatch(patch)
}

/** [1 2 1] / 4 down and then across, as two rounded means each, which is what one instruction of a vector unit gives. */
function smoothPatch(patch: PelletPatch): void {
  const { stride, rows, gray, smooth, shading } = patch
  const size = stride * rows
  const spare = shading
  spare.fill(0, 0, size)
  smooth.fill(0, 0, size)
  for (let i = stride; i < size - stride; i++) {
    const sides = (gray[i - stride]! + gray[i + stride]! + 1) >> 1
    spare[i] = (sides + gray[i]! + 1) >> 1
  }
  for (let i = stride; i < size - stride; i++) {
    const sides = (spare[i - 1]! + spare[i + 1]! + 1) >> 1
    smooth[i] = (sides + spare[i]! + 1) >> 1
  }
}
