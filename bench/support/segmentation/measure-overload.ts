import { notJudgedReason, type SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { quantile, type Spread, spreadOf } from '../measure.ts'
import { countPellets } from './compare-with-truth.ts'
import type { HardStrip } from './draw-hard-strips.ts'
import { openReader, type StripPixels } from './kernels.ts'
import type { SimulatedStrip } from './simulate-strip.ts'

/** What the kernel makes of a strip that no line should show, and of the ordinary strip after it. */
export interface OverloadFigures {
  readonly strip: string
  readonly ms: Spread
  /** The longest of all rounds, the first and coldest one included. */
  readonly worstMs: number
  readonly pellets: number
  readonly judged: number
  readonly clusters: number
  readonly oversize: number
  readonly dust: number
  readonly shed: number
  /** Time of the ordinary strip before it and of the next one after it. */
  readonly beforeMs: Spread
  readonly nextMs: Spread
  /** Pellets off the borders of the ordinary strip, and how many of them the next one after it gives. */
  readonly nextWhole: number
  readonly nextFound: number
}

/** Sends ordinary, hard, ordinary strips through one run, round after round; another run for every hard strip. */
export function measureOverload(
  ordinary: SimulatedStrip,
  hardStrips: readonly HardStrip[],
  settings: SegmentationSettings,
  rounds: number,
): OverloadFigures[] {
  return hardStrips.map((hard) => measureStrip(ordinary, hard, settings, rounds))
}

function measureStrip(
  ordinary: SimulatedStrip,
  hard: HardStrip,
  settings: SegmentationSettings,
  rounds: number,
): OverloadFigures {
  const reader = openReader('kernel')
  const [usual, unusual] = [reader.place(ordinary), reader.place(hard)]
  const push = (strip: StripPixels) => {
    const began = performance.now()
    const given = reader.push(strip, settings)
    return { ms: performance.now() - began, given }
  }
  // Three strips of a run have passed before the hard one comes, as on any line.
  for (let i = 0; i < 3; i++) push(usual)
  const before: number[] = []
  const times: number[] = []
  const next: number[] = []
  let counts: Omit<OverloadFigures, 'strip' | 'ms' | 'worstMs' | 'beforeMs' | 'nextMs' | 'nextWhole' | 'nextFound'>
  let after = { whole: 0, wholeFound: 0 }
  for (let round = 0; round < rounds || round === 0; round++) {
    before.push(push(usual).ms)
    const { ms, given } = push(unusual)
    times.push(ms)
    const { count, notJudged } = given.pellets
    const of = (reason: number) => notJudged.reduce((sum, why) => sum + (why === reason ? 1 : 0), 0)
    counts = {
      pellets: count,
      judged: of(notJudgedReason.judged),
      clusters: of(notJudgedReason.cluster),
      oversize: of(notJudgedReason.oversize),
      dust: given.dust,
      shed: given.shed,
    }
    const following = push(usual)
    next.push(following.ms)
    after = countPellets(ordinary, following.given.pellets)
    push(usual)
  }
  return {
    strip: hard.name,
    ms: spreadOf(times),
    worstMs: quantile(times, 1),
    ...counts!,
    beforeMs: spreadOf(before),
    nextMs: spreadOf(next),
    nextWhole: after.whole,
    nextFound: after.wholeFound,
  }
}
