import type { CarriedRows } from './carried-rows.ts'
import { createDarkSetCutter } from './cut-dark-set.ts'
import type { PatchPlace } from './judge-rim-speck.ts'
import type { RegionMeasures } from './measure-region.ts'
import { createShadingModel } from './model-shading.ts'
import { createPelletPatch, fillPatch, type PelletPatch, patchMargin } from './pellet-patch.ts'
import type { RunList } from './run-list.ts'
import { clearSpecks, type SpeckList } from './speck-list.ts'

/** What counts as a speck. */
export interface SpeckLimits {
  /** Smallest equivalent diameter, px. */
  readonly smallestSpeckPx: number
  /** Smallest contrast, 0..1. */
  readonly minContrast: number
}

/** Finds the black specks of pellets; holds the working memory. */
export interface SpeckFinder {
  /**
   * Writes the specks of the pellet with this outline, whose rows count from `baseRow`, to `specks`; found above `threshold`
   * on a bed of `bedLevel` (whole gray levels). Rows from `endRow` on are not looked at.
   */
  find(
    outline: RunList,
    box: RegionMeasures,
    baseRow: number,
    rows: CarriedRows,
    endRow: number,
    threshold: number,
    bedLevel: number,
    limits: SpeckLimits,
    specks: SpeckList,
  ): void
}

/** Contrasts of pixels are whole numbers of 1/256. */
const whole = 256

/**
 * Creates a finder for rows of `sensorWidth` px. The contrast of a pixel is 1 - gray / shading (`model-shading.ts`), both above
 * the bed. Dark are the pixels of at least half the smallest contrast; `cut-dark-set.ts` makes specks of each 8-connected set
 * of them. Where lines across and down alone show no dark pixel there is no speck: nine of ten clean pellets are done then.
 */
export function createSpeckFinder(sensorWidth: number): SpeckFinder {
  const patch = createPelletPatch()
  const shadingModel = createShadingModel()
  const cutter = createDarkSetCutter()
  let contrast = new Uint8Array(64 * 64)

  return {
    find(outline, box, baseRow, rows, endRow, threshold, bedLevel, limits, specks) {
      clearSpecks(specks)
      fillPatch(patch, outline, box, baseRow, rows, bedLevel)
      shadingModel.begin(patch)
      const size = patch.stride * patch.rows
      const base = Math.max(1, Math.floor((limits.minContrast * whole) / 2))
      if (!hasContrast(patch, base)) return
      shadingModel.complete(patch)
      if (contrast.length < size) contrast = new Uint8Array(size * 2)
      mapContrast(patch, base, contrast)
      const left = box.left - patchMargin
      const top = baseRow + box.top - patchMargin
      const place: PatchPlace = { left, top, rows, endRow, sensorWidth, threshold, bedLevel }
      for (let i = 0; i < size; i++) if (contrast[i]! !== 0) cutter.cut(patch, place, contrast, i, base, limits, specks)
    },
  }
}

/** Whether a pixel has a contrast of at least `base`. */
function hasContrast(patch: PelletPatch, base: number): boolean {
  const { stride, rows, gray, shading } = patch
  const size = stride * rows
  for (let i = 0; i < size; i++) {
    const expected = shading[i]!
    if (expected > 0 && (expected - gray[i]!) * whole >= base * expected) return true
  }
  return false
}

/** Makes `contrast` that of every pixel, 0 where below `base`. */
function mapContrast(patch: PelletPatch, base: number, contrast: Uint8Array): void {
  const { stride, rows, gray, shading } = patch
  const size = stride * rows
  for (let i = 0; i < size; i++) {
    const expected = shading[i]!
    const depth = (expected - gray[i]!) * whole
    const isDark = expected > 0 && depth >= base * expected
    contrast[i] = isDark ? Math.min(whole - 1, Math.floor(depth / expected)) : 0
  }
}
