import { medianOf } from './local-median.ts'

/** Noise variance of one column at one level. */
export interface NoisePoint {
  /** Level above dark, raw gray levels. */
  readonly level: number
  /** Raw gray levels squared. */
  readonly variance: number
}

const bins = 64

/**
 * Fits variance = read^2 + shot^2 * level / topLevel, raw gray levels: read noise and, growing with the light, shot noise.
 * The medians of the variances in 64 bins of the level are weighed by count / variance^2, as the scatter of a variance
 * follows itself; rounding to whole levels adds 1/12, which is taken off. Neither part comes out negative.
 */
export function fitNoise(points: readonly NoisePoint[], topLevel: number): { read: number; shot: number } {
  const binned = Array.from({ length: bins }, () => ({ levels: [] as number[], variances: [] as number[] }))
  for (const { level, variance } of points) {
    const bin = binned[Math.min(bins - 1, Math.max(0, Math.floor((bins * level) / topLevel)))]!
    bin.levels.push(level)
    bin.variances.push(variance)
  }
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0]
  for (const { levels, variances } of binned) {
    if (levels.length === 0) continue
    const x = Math.max(0, medianOf(levels)) / topLevel
    const y = Math.max(0, medianOf(variances) - 1 / 12)
    const weight = levels.length / Math.max(y, 0.01) ** 2
    w += weight
    wx += weight * x
    wxx += weight * x * x
    wy += weight * y
    wxy += weight * x * y
  }
  if (w === 0) return { read: 0, shot: 0 }
  const determinant = w * wxx - wx * wx
  // Levels that are all the same tell one part only.
  if (determinant <= 1e-9 * w * wxx) return { read: Math.sqrt(wy / w), shot: 0 }
  const shot = (w * wxy - wx * wy) / determinant
  const read = (wy - shot * wx) / w
  if (read < 0) return { read: 0, shot: Math.sqrt(Math.max(0, wxy / wxx)) }
  if (shot < 0) return { read: Math.sqrt(wy / w), shot: 0 }
  return { read: Math.sqrt(read), shot: Math.sqrt(shot) }
}
