import { beginSets, cutDarkSet } from './cut-dark-set'
import { placePatch } from './judge-rim-speck'
import { beginShading, completeShading } from './model-shading'
import {
  boxColumns,
  boxRows,
  contrastPlane,
  fillPatch,
  grayPlane,
  rowIndex,
  shadingPlane,
  stride,
} from './pellet-patch'
import { RunList } from './run-list'

// Finds the black specks of one pellet, as ../find-specks.ts.

let bedLevel: i32 = 0
let smallestPx: f64 = 0
let minContrast: f64 = 0

/** Sets what counts as a speck: `bed` whole, `smallest` px (0: none is looked for), contrast 0..1. */
export function setSpeckLimits(bed: i32, smallest: f64, contrast: f64): void {
  bedLevel = bed
  smallestPx = smallest
  minContrast = contrast
}

/** Eight pixels, as 16 bit, with a contrast of at least `base` / 256: (shading - gray) 256 >= base shading, no sum above 65535. */
function isDark(shading: v128, gray: v128, base: v128): v128 {
  return i16x8.ge_u(i16x8.shl(i16x8.sub(shading, gray), 8), i16x8.mul(shading, base))
}

/** Sixteen pixels with such a contrast, 255 each; the shading is nowhere below the gray. */
function darkBlock(shadingAt: usize, grayAt: usize, base: v128): v128 {
  const shading = v128.load(shadingAt)
  const gray = v128.load(grayAt)
  const low = isDark(i16x8.extend_low_i8x16_u(shading), i16x8.extend_low_i8x16_u(gray), base)
  const high = isDark(i16x8.extend_high_i8x16_u(shading), i16x8.extend_high_i8x16_u(gray), base)
  return v128.and(i8x16.narrow_i16x8_s(low, high), i8x16.ne(shading, i8x16.splat(0)))
}

/** Whether a pixel has a contrast of at least `base`. */
function hasContrast(base: i32): bool {
  const least = i16x8.splat(i16(base))
  const gray = grayPlane - shadingPlane
  const width = usize(boxColumns)
  const last = shadingPlane + usize(rowIndex(boxRows - 1))
  for (let begin = shadingPlane + usize(rowIndex(0)); begin <= last; begin += usize(stride)) {
    const end = begin + width
    let any = i8x16.splat(0)
    for (let at = begin; at < end; at += 16) any = v128.or(any, darkBlock(at, at + gray, least))
    if (v128.any_true(any)) return true
  }
  return false
}

/** Makes the map that of every pixel's contrast, 0 where below `base`. */
function mapContrast(base: i32): void {
  const least = i16x8.splat(i16(base))
  memory.fill(contrastPlane, 0, usize(rowIndex(boxRows + 2)))
  for (let row = 0; row < boxRows; row++) {
    const begin = usize(rowIndex(row))
    const end = begin + usize(boxColumns)
    for (let at = begin; at < end; at += 16) {
      for (
        let bits = i8x16.bitmask(darkBlock(shadingPlane + at, grayPlane + at, least));
        bits !== 0;
        bits &= bits - 1
      ) {
        const pixel = at + usize(ctz(bits))
        const expected = i32(load<u8>(shadingPlane + pixel))
        const depth = (expected - i32(load<u8>(grayPlane + pixel))) << 8
        store<u8>(contrastPlane + pixel, u8(min(255, depth / expected)))
      }
    }
  }
}

/** Adds the specks of the measured pellet, whose rows count from `baseRow`; rows from `endRow` on are not looked at. */
export function findSpecks(outline: RunList, baseRow: i32, endRow: i32, width: i32, threshold: i32): void {
  if (smallestPx === 0) return
  fillPatch(outline, baseRow, bedLevel)
  beginShading()
  const base = max(1, i32(floor<f64>((minContrast * 256) / 2)))
  if (!hasContrast(base)) return
  completeShading()
  mapContrast(base)
  placePatch(width, threshold, bedLevel, baseRow, endRow)
  beginSets()
  for (let row = 0; row < boxRows; row++) {
    const begin = usize(rowIndex(row))
    const end = begin + usize(boxColumns)
    for (let at = begin; at < end; at += 16) {
      // A set takes pixels of the same block with it.
      for (;;) {
        const block = i8x16.ne(v128.load(contrastPlane + at), i8x16.splat(0))
        if (!v128.any_true(block)) break
        cutDarkSet(i32(at) + ctz(i8x16.bitmask(block)), base, smallestPx, minContrast)
      }
    }
  }
}
