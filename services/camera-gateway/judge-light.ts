import type { LightEstimate } from '../shared/vision/index.ts'

/** By what strips are judged: the threshold in force and the bed that it was taken with. */
export interface KnownLight {
  readonly threshold: number
  readonly bedSpread: number
}

/** Below this share of the rows' pixels, what lies beyond the bed may be dust, whose gray says nothing about pellets. */
const leastCoverage = 0.005
/** The threshold keeps this share of the contrast away from bed and pellets alike. */
const leastMargin = 0.15

/**
 * Why the threshold in force does not tell bed from pellets in one strip, in words; undefined where it does, and where the
 * strip shows an empty belt. `own` is the estimate from that strip alone.
 */
export function judgeLight(own: LightEstimate, known: KnownLight): string | undefined {
  const { threshold } = known
  const { bedLevel, bedSpread, pelletLevel } = own
  if (own.confident && own.coverage >= leastCoverage) {
    const margin = leastMargin * (pelletLevel - bedLevel)
    if (pelletLevel - threshold < margin)
      return `pellets are at gray ${pelletLevel}, the threshold at ${threshold}: they are not seen`
    if (threshold - bedLevel < Math.max(margin, 2 * bedSpread))
      return `the bed is at gray ${bedLevel}, the threshold at ${threshold}: the bed is taken for pellets`
    return undefined
  }
  if (bedLevel + 2 * bedSpread >= threshold)
    return `all is at gray ${bedLevel}, the threshold at ${threshold}: bed and pellets are not told apart`
  if (bedSpread > 2.5 * known.bedSpread + 3)
    return `gray spreads by ${bedSpread.toFixed(0)} around ${bedLevel} instead of ${known.bedSpread.toFixed(0)}: bed and pellets are not told apart`
  return undefined
}
