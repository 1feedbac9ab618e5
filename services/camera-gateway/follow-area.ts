import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { judgeAreas } from './judge-areas.ts'

export interface AreaFollowerOptions {
  /** Areas over which the median is taken: the newest ones. */
  readonly window: number
  /** Areas before the median replaces the nominal one. */
  readonly minSamples: number
}

/** Median area in force, px, and whether it can be trusted. */
export interface StripSize {
  readonly medianAreaPx: number
  readonly state: FollowState
  /** Why the size is lost; empty where it is not. */
  readonly reason: string
}

/** Follows the median area of single pellets. */
export interface AreaFollower {
  readonly size: StripSize
  /** Begins anew with the nominal area of a recipe, px. */
  restart(nominalAreaPx: number): void
  /** Takes the areas of one strip's single pellets, px. */
  take(areasPx: readonly number[]): void
}

/** Strips without a single pellet in a row, until what is known is held rather than followed. */
const heldAfter = 64
/** The median may change by this factor against what it has been; the memory of that moves by `drift` a window of pellets. */
const jump = 1.25
const drift = 0.01

/**
 * Creates a follower: the median over a sliding window, since a mean would follow every misjudged cluster. NOMINAL until
 * enough pellets were seen, FOLLOWING while they come, HELD while none comes; LOST while the window has two middles, or while
 * the median is a quarter off what it was: a lot changes size slowly, another product at once. The median is followed all the same.
 */
export function createAreaFollower({ window, minSamples }: AreaFollowerOptions): AreaFollower {
  const areas = new Float64Array(window)
  let count = 0
  let next = 0
  let emptyStrips = 0
  /** What the median has been for long, px; undefined until it is first known. */
  let usual: number | undefined
  let full = false
  let size: StripSize = { medianAreaPx: 0, state: FollowState.NOMINAL, reason: '' }

  function judge(sorted: Float64Array, medianAreaPx: number, taken: number): string {
    // Until the window has been full once, the median itself is uncertain.
    if (usual === undefined || !full) usual = medianAreaPx
    full ||= count === window
    const most = (drift * taken) / window
    usual *= Math.exp(Math.max(-most, Math.min(most, Math.log(medianAreaPx / usual))))
    const ratio = medianAreaPx / usual
    if (ratio > jump || ratio < 1 / jump)
      return `the median area jumped from ${usual.toFixed(0)} to ${medianAreaPx.toFixed(0)} px`
    return judgeAreas(sorted) ?? ''
  }

  return {
    get size() {
      return size
    },
    restart(nominalAreaPx) {
      count = 0
      next = 0
      emptyStrips = 0
      usual = undefined
      full = false
      size = { medianAreaPx: nominalAreaPx, state: FollowState.NOMINAL, reason: '' }
    },
    take(areasPx) {
      if (areasPx.length === 0) {
        emptyStrips++
        if (emptyStrips >= heldAfter && size.state === FollowState.FOLLOWING)
          size = { ...size, state: FollowState.HELD }
        return
      }
      emptyStrips = 0
      for (const area of areasPx) {
        areas[next] = area
        next = (next + 1) % window
        count = Math.min(window, count + 1)
      }
      if (count < Math.min(minSamples, window)) return
      const sorted = areas.slice(0, count).sort()
      const upper = count >> 1
      const medianAreaPx = count % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
      const reason = judge(sorted, medianAreaPx, areasPx.length)
      size = { medianAreaPx, state: reason === '' ? FollowState.FOLLOWING : FollowState.LOST, reason }
    },
  }
}
