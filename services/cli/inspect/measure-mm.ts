import type { PixelSize } from '../parse-option.ts'

/** Measures of a pellet on the product; pixels need not be square. */
export interface MillimetreMeasures {
  readonly areaMm2: number
  /** Diameter of the circle of the same area. */
  readonly equivalentDiameterMm: number
  /** Axes of the ellipse with the same second moments. */
  readonly lengthMm: number
  readonly widthMm: number
  /** Length over width, >= 1. */
  readonly aspectRatio: number
  /** 4 A / (pi length^2), ISO 9276-6. */
  readonly roundness: number
}

/**
 * Measures an outline (closed rings of x, y in px; holes run the other way) in millimetres. Moments of the polygon by
 * Green's theorem, which for pixel-corner outlines are those of the pixels as squares.
 */
export function measureMm(outline: readonly ArrayLike<number>[], { acrossUm, alongUm }: PixelSize): MillimetreMeasures {
  const sx = acrossUm / 1000
  const sy = alongUm / 1000
  // Relative to the first corner: far from the origin the differences of large moments would lose digits.
  const originX = outline[0]?.[0] ?? 0
  const originY = outline[0]?.[1] ?? 0
  let area = 0
  let momentX = 0
  let momentY = 0
  let momentXx = 0
  let momentYy = 0
  let momentXy = 0
  for (const ring of outline) {
    for (let at = 0; at < ring.length; at += 2) {
      const next = at + 2 < ring.length ? at + 2 : 0
      const x0 = (ring[at]! - originX) * sx
      const y0 = (ring[at + 1]! - originY) * sy
      const x1 = (ring[next]! - originX) * sx
      const y1 = (ring[next + 1]! - originY) * sy
      const cross = x0 * y1 - x1 * y0
      area += cross / 2
      momentX += ((x0 + x1) * cross) / 6
      momentY += ((y0 + y1) * cross) / 6
      momentXx += ((x0 * x0 + x0 * x1 + x1 * x1) * cross) / 12
      momentYy += ((y0 * y0 + y0 * y1 + y1 * y1) * cross) / 12
      momentXy += ((x0 * y1 + 2 * x0 * y0 + 2 * x1 * y1 + x1 * y0) * cross) / 24
    }
  }
  const meanX = momentX / area
  const meanY = momentY / area
  const varianceX = momentXx / area - meanX * meanX
  const varianceY = momentYy / area - meanY * meanY
  const covariance = momentXy / area - meanX * meanY
  const middle = (varianceX + varianceY) / 2
  const spread = Math.hypot((varianceX - varianceY) / 2, covariance)
  const lengthMm = 4 * Math.sqrt(middle + spread)
  const widthMm = 4 * Math.sqrt(Math.max(0, middle - spread))
  const areaMm2 = Math.abs(area)
  return {
    areaMm2,
    equivalentDiameterMm: Math.sqrt((4 * areaMm2) / Math.PI),
    lengthMm,
    widthMm,
    aspectRatio: lengthMm / widthMm,
    roundness: (4 * areaMm2) / (Math.PI * lengthMm * lengthMm),
  }
}
