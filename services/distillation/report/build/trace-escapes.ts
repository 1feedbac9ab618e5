import { type JudgedCrops, measureClassifier } from '../../evaluation/measure-classifier.ts'
import type { ClassifierFigures } from '../experiment-report.ts'

type Escapes = NonNullable<ClassifierFigures['escapes']>

/** Points of a curve. */
const curvePoints = 120

/**
 * Missed specks at a threshold, in all and by size, and the curve of escapes against overkill; undefined where no size of
 * a speck is known. The curve is empty where there are no good crops, or no specks from twice the smallest size on.
 */
export function traceEscapes(
  crops: JudgedCrops,
  options: { readonly threshold: number; readonly smallestSpeckPx: number },
): Escapes | undefined {
  const { escape: found } = measureClassifier(crops, options)
  if (found === undefined) return undefined
  const { count, missed, rate: value, low, high } = found
  return {
    smallestSpeckPx: options.smallestSpeckPx,
    all: { count, missed, value, low, high },
    bySize: found.bySize.map(({ fromPx, toPx, rate, ...rest }) => ({ fromPx, toPx, value: rate, ...rest })),
    curve: traceCurve(crops, options.smallestSpeckPx),
  }
}

/**
 * Escapes by overkill: for growing numbers of good crops called NG (each up to 20, then evenly on the log scale) the share
 * of missed specks at the lowest threshold that calls no more.
 */
export function traceCurve(
  { margins, labels, speckPx }: JudgedCrops,
  smallestSpeckPx: number,
  points = curvePoints,
): Escapes['curve'] {
  const pick = (chosen: (i: number) => boolean) => Float64Array.from(margins.filter((_, i) => chosen(i))).sort()
  const good = pick((i) => labels[i] === 0)
  const specks = pick((i) => labels[i] === 1 && speckPx[i]! >= smallestSpeckPx)
  const twice = pick((i) => labels[i] === 1 && speckPx[i]! >= 2 * smallestSpeckPx)
  if (good.length === 0 || twice.length === 0) return []
  const curve: { overkillPpm: number; escape: number; escapeTwice: number }[] = []
  for (const calledNg of steps(good.length, points)) {
    // Strictly above the best good crop that must pass; crops of the same margin pass with it.
    const passes = good[good.length - 1 - calledNg] ?? Number.NEGATIVE_INFINITY
    const called = good.length - countUpTo(good, passes)
    const overkillPpm = (1e6 * called) / good.length
    if (curve.at(-1)?.overkillPpm === overkillPpm) continue
    curve.push({
      overkillPpm,
      escape: countUpTo(specks, passes) / specks.length,
      escapeTwice: countUpTo(twice, passes) / twice.length,
    })
  }
  return curve
}

/** 0 to 20, then evenly spaced logarithms up to `count`. */
function steps(count: number, points: number): readonly number[] {
  const first = Array.from({ length: Math.min(21, count + 1) }, (_, i) => i)
  const rest = points - first.length
  const spaced = Array.from({ length: count > 20 ? rest : 0 }, (_, i) =>
    Math.round(20 * (count / 20) ** ((i + 1) / rest)),
  )
  return [...new Set([...first, ...spaced])]
}

/** How many of the sorted values are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low
}
