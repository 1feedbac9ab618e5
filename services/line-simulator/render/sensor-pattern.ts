import { createRandom } from '../random.ts'
import type { LineSettings } from '../settings.ts'

/** What sensor and window do to each column: seen = dark + gain * light. */
export interface SensorPattern {
  readonly dark: Float32Array
  readonly gain: Float32Array
}

/** The pattern that settings and seed decide; undefined where every column is alike. */
export function createSensorPattern({ width, optics }: LineSettings, seed: number): SensorPattern | undefined {
  const { darkLevel, darkPattern, gainPattern, dirtStreaks, deadColumns } = optics
  if (darkLevel + darkPattern + gainPattern + dirtStreaks + deadColumns === 0) return undefined
  const random = createRandom(seed, 27)
  const dark = Float32Array.from({ length: width }, () => Math.max(0, darkLevel + darkPattern * random.normal()))
  const gain = Float32Array.from({ length: width }, () => Math.max(0.1, 1 + gainPattern * random.normal()))
  for (let streak = 0; streak < dirtStreaks; streak++) {
    const span = random.int(1, 20)
    const from = random.int(0, width - span)
    const loss = random.range(0.1, 0.35)
    for (let column = from; column < from + span; column++) gain[column]! *= 1 - loss
  }
  for (let dead = 0; dead < deadColumns; dead++) gain[random.int(0, width - 1)] = 0.02
  return { dark, gain }
}

/** Lays the pattern over finished rows (light on dark), in place. */
export function applySensorPattern({ dark, gain }: SensorPattern, out: Uint8Array): void {
  const width = dark.length
  for (let start = 0; start < out.length; start += width) {
    for (let column = 0; column < width; column++) {
      out[start + column] = Math.min(255, dark[column]! + gain[column]! * out[start + column]! + 0.5)
    }
  }
}
