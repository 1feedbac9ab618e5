import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createRandom } from '../random.ts'
import type { LineSettings } from '../settings.ts'
import { columnGains, rowGain } from './render-rows.ts'
import { createSensorPattern } from './sensor-pattern.ts'

/** What a camera is shown to calibrate it: nothing, with the lens covered, or an even target. */
export type ReferenceKind = 'dark' | 'light'

/** Gray of the light target where the lamp is brightest: bright, and far from the top. */
export const referenceGray = 170

/**
 * Rows [firstRow, firstRow + rows) of a reference as the line's camera (same settings, same seed: same lamp, same sensor)
 * sees it, `rows * width` bytes. Throws `invalid_argument` for a line that is delivered as a negative.
 */
export function renderReference(
  kind: ReferenceKind,
  settings: LineSettings,
  seed: number,
  firstRow: number,
  rows: number,
): Uint8Array {
  const { width, optics } = settings
  if (optics.polarity !== 'light-on-dark') {
    const message = `optics.polarity is ${optics.polarity}, which is simulated as a negative: no covered lens looks like that; references need light-on-dark.`
    throw new PelletlineError('invalid_argument', message)
  }
  const gains = columnGains(settings, seed)
  const pattern = createSensorPattern(settings, seed)
  const out = new Uint8Array(rows * width)
  for (let i = 0; i < rows; i++) {
    const row = firstRow + i
    const random = createRandom(seed, 28, kind === 'dark' ? 0 : 1, row)
    const light = kind === 'dark' ? 0 : referenceGray * rowGain(settings, seed, row)
    for (let column = 0; column < width; column++) {
      const level = light * gains[column]! * (pattern?.gain[column] ?? 1)
      const sigma = Math.sqrt(optics.readNoise ** 2 + (optics.shotNoise ** 2 * level) / 255)
      out[i * width + column] = Math.min(
        255,
        Math.max(0, (pattern?.dark[column] ?? 0) + level + sigma * random.normal() + 0.5),
      )
    }
  }
  return out
}
