import { type Outline, outlineSteps } from '../../../services/line-simulator/pellet/outline.ts'

/** Largest and smallest distance of two parallel tangents, px. */
export interface OutlineSpan {
  readonly length: number
  readonly width: number
}

/** Tangents are tried in as many directions over half a turn. */
const directions = 512
const perStep = (2 * directions) / outlineSteps
const cosines = Float64Array.from({ length: 2 * directions }, (_, k) => Math.cos((Math.PI * k) / directions))

/** Feret diameters of a simulated outline, by its points and in 512 directions: within 0.01 px at 40 px. */
export function spanOutline({ radius }: Pick<Outline, 'radius'>): OutlineSpan {
  let length = 0
  let width = Number.POSITIVE_INFINITY
  for (let k = 0; k < directions; k++) {
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = 0; i < outlineSteps; i++) {
      const along = radius[i]! * cosines[(i * perStep - k) & (2 * directions - 1)]!
      if (along < low) low = along
      if (along > high) high = along
    }
    length = Math.max(length, high - low)
    width = Math.min(width, high - low)
  }
  return { length, width }
}
