import { type Fault, faultEffects } from '../faults.ts'
import { createRandom } from '../random.ts'
import type { LineSettings } from '../settings.ts'

/**
 * Takes from finished rows (light on dark) the light that a dimmed lamp and a dirty window cost, in place. These faults
 * touch no pellet, so they can be laid over rows that were rendered without them.
 */
export function applyLightFaults(
  settings: LineSettings,
  seed: number,
  faults: readonly Fault[],
  firstRow: number,
  rows: number,
  out: Uint8Array,
): void {
  if (!faults.some(({ name }) => name === 'lamp-dims' || name === 'window-dirt')) return
  const { width } = settings
  const dirt = dirtByColumn(width, seed)
  for (let row = 0; row < rows; row++) {
    const effects = faultEffects(faults, (firstRow + row) / settings.rowsPerSecond)
    const at = row * width
    if (effects.dirt > 0)
      for (let i = 0; i < dirt.weight.length; i++) {
        const x = at + dirt.from + i
        out[x] = out[x]! * (1 - effects.dirt * dirt.weight[i]!) + 0.5
      }
    if (effects.lampGain < 1) for (let x = at; x < at + width; x++) out[x] = out[x]! * effects.lampGain + 0.5
  }
}

/** The dirty columns: a band of 4 % of the width with soft edges, at a place that the seed decides. */
function dirtByColumn(width: number, seed: number): { readonly from: number; readonly weight: Float32Array } {
  const random = createRandom(seed, 26)
  const span = Math.max(8, Math.round(width * 0.04))
  const from = random.int(Math.round(width * 0.1), Math.round(width * 0.9) - span)
  const weight = Float32Array.from({ length: span }, (_, i) =>
    Math.min(1, (Math.min(i, span - 1 - i) + 1) / (span / 6)),
  )
  return { from, weight }
}
