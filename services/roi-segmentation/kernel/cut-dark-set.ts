import type { SpeckLimits } from './find-specks.ts'
import { createRimSpeckJudge, type PatchPlace } from './judge-rim-speck.ts'
import { type PelletPatch, patchMargin } from './pellet-patch.ts'
import { addSpeck, type SpeckList } from './speck-list.ts'

/** Makes specks of the dark pixels of a pellet; holds the working memory. */
export interface DarkSetCutter {
  /**
   * Takes the 8-connected set of pixels with a contrast that `start` belongs to out of the map, and adds its specks. Contrasts
   * are at least `base`, in 1/256.
   */
  cut(
    patch: PelletPatch,
    place: PatchPlace,
    contrast: Uint8Array,
    start: number,
    base: number,
    limits: SpeckLimits,
    specks: SpeckList,
  ): void
}

/**
 * The set is cut at half of its own largest contrast, since that is where the edge of a blurred speck lies, whatever its
 * contrast; each 8-connected part that is left is one speck. It is added if its equivalent diameter and its contrast,
 * 1 - (sum of grays) / (sum of shading), are large enough, and if it is not bed (`judge-rim-speck.ts`). A speck whose
 * contrast is less than half of that of one it touches is lost with the cut.
 */
export function createDarkSetCutter(): DarkSetCutter {
  const rimJudge = createRimSpeckJudge()
  let set = new Int32Array(64 * 64)
  let part = new Int32Array(64 * 64)
  /** Contrasts of the set's pixels that are in no part yet, 0 elsewhere. */
  let level = new Uint8Array(64 * 64)

  /** Moves the set from `contrast` to `level`, its pixels to `set`; returns how many. */
  function takeSet(contrast: Uint8Array, stride: number, start: number): number {
    let count = 1
    set[0] = start
    level[start] = contrast[start]!
    contrast[start] = 0
    for (let next = 0; next < count; next++) {
      for (let dy = -stride; dy <= stride; dy += stride) {
        for (let at = set[next]! + dy - 1; at <= set[next]! + dy + 1; at++) {
          if (contrast[at]! === 0) continue
          level[at] = contrast[at]!
          contrast[at] = 0
          set[count++] = at
        }
      }
    }
    return count
  }

  /** Moves the part of the set of at least `threshold` that `start` belongs to from `level` to `part`; returns its pixels. */
  function takePart(stride: number, start: number, threshold: number): number {
    let count = 1
    part[0] = start
    level[start] = 0
    for (let next = 0; next < count; next++) {
      for (let dy = -stride; dy <= stride; dy += stride) {
        for (let at = part[next]! + dy - 1; at <= part[next]! + dy + 1; at++) {
          if (level[at]! < threshold) continue
          level[at] = 0
          part[count++] = at
        }
      }
    }
    return count
  }

  function measurePart(
    patch: PelletPatch,
    place: PatchPlace,
    count: number,
    limits: SpeckLimits,
    specks: SpeckList,
  ): void {
    if (Math.sqrt((4 * count) / Math.PI) < limits.smallestSpeckPx) return
    const { stride, gray, shading, mask } = patch
    let sumGray = 0
    let sumShading = 0
    let sumX = 0
    let sumY = 0
    let atRim = 0
    for (let i = 0; i < count; i++) {
      const at = part[i]!
      const y = Math.floor(at / stride)
      sumGray += gray[at]!
      sumShading += shading[at]!
      sumX += at - y * stride
      sumY += y
      if (isNearRim(mask, stride, at)) atRim = 1
    }
    const contrast = 1 - sumGray / sumShading
    if (contrast < limits.minContrast) return
    if (atRim === 1 && !rimJudge.isSpeck(patch, part, count, place)) return
    const middle = 0.5 - patchMargin
    addSpeck(specks, count, contrast, sumX / count + middle, sumY / count + middle, atRim)
  }

  return {
    cut(patch, place, contrast, start, base, limits, specks) {
      const size = patch.stride * patch.rows
      if (set.length < size) {
        set = new Int32Array(size * 2)
        part = new Int32Array(size * 2)
        level = new Uint8Array(size * 2)
      }
      const count = takeSet(contrast, patch.stride, start)
      let peak = 0
      for (let i = 0; i < count; i++) if (level[set[i]!]! > peak) peak = level[set[i]!]!
      if (peak >= limits.minContrast * 256) {
        const threshold = Math.max(base, (peak + 1) >> 1)
        for (let i = 0; i < count; i++) {
          if (level[set[i]!]! < threshold) continue
          measurePart(patch, place, takePart(patch.stride, set[i]!, threshold), limits, specks)
        }
      }
      for (let i = 0; i < count; i++) level[set[i]!] = 0
    },
  }
}

/** Whether one of the four pixels two steps away lies outside the outline: no more than one pixel is between. */
function isNearRim(mask: Uint8Array, stride: number, at: number): boolean {
  return mask[at - 2] === 0 || mask[at + 2] === 0 || mask[at - 2 * stride] === 0 || mask[at + 2 * stride] === 0
}
