import { quantile, slopeOf } from './measure.ts'

/** Memory of one process at a time. */
export interface MemoryPoint {
  /** Since the plant began, minutes. */
  readonly minutes: number
  /** Resident, with the processes that it started, MB of 10^6 bytes. */
  readonly mb: number
}

/** How the memory of a process went once it was warm. */
export interface MemoryCourse {
  /** Medians of the first and the last quarter of the time after the warm-up, MB. */
  readonly firstMb: number
  readonly lastMb: number
  readonly largestMb: number
  /** Slope of the straight line through all points after the warm-up by least squares, MB a minute. */
  readonly slope: number
  /** The same of the second half of these: a cache that fills has a slope until it is full, a leak has it for ever. */
  readonly lateSlope: number
}

/** Describes the points after `warmUpMinutes`; undefined where there are fewer than eight. */
export function describeCourse(points: readonly MemoryPoint[], warmUpMinutes: number): MemoryCourse | undefined {
  const warm = points.filter(({ minutes }) => minutes >= warmUpMinutes)
  if (warm.length < 8) return undefined
  const quarter = Math.floor(warm.length / 4)
  const median = (part: readonly MemoryPoint[]) =>
    quantile(
      part.map(({ mb }) => mb),
      0.5,
    )
  const line = warm.map(({ minutes, mb }) => [minutes, mb] as const)
  return {
    firstMb: median(warm.slice(0, quarter)),
    lastMb: median(warm.slice(-quarter)),
    largestMb: Math.max(...warm.map(({ mb }) => mb)),
    slope: slopeOf(line),
    lateSlope: slopeOf(line.slice(line.length >> 1)),
  }
}
