import { type Outline, outlineSteps } from '../../../services/line-simulator/pellet/outline.ts'

/** Largest and smallest distance of two parallel tangents, px. */
export interface OutlineSpan {
  readonly length: number
  readonly width: number
}

/** Tangents are tried in as many directions over half a turn. */
const directions = 720

/** Feret diameters of a simulated outline, by its points and every quarter of a degree: within 0.01 px at 40 px. */
export function spanOutline({ radius }: Pick<Outline, 'radius'>): OutlineSpan {
  let length = 0
  let width = Number.POSITIVE_INFINITY
  for (let k = 0; k < directions; k++) {
    const cos = Math.cos((Math.PI * k) / directions)
    const sin = Math.sin((Math.PI * k) / directions)
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = 0; i < outlineSteps; i++) {
      const angle = (2 * Math.PI * i) / outlineSteps
      const along = radius[i]! * (Math.cos(angle) * cos + Math.sin(angle) * sin)
      if (along < low) low = along
      if (along > high) high = along
    }
    length = Math.max(length, high - low)
    width = Math.min(width, high - low)
  }
  return { length, width }
}
