/** Areas say that there are two kinds of pellets where ... */
const twoMiddles = {
  /** ... splitting them explains this share of the variance of their logarithms: 0.64 for one normal hill, 0.75 for a flat one, ... */
  explained: 0.78,
  /** ... each kind is at least this share of the pellets ... */
  share: 0.12,
  /** ... and one is this many times as large as the other. */
  ratio: 1.4,
} as const

/**
 * Why the areas of single pellets have no one middle, in words; undefined where they do. The two kinds are those that
 * differ most (Otsu's criterion on the logarithms, in one pass over the sorted areas).
 *
 * @param sorted areas in rising order, px
 */
export function judgeAreas(sorted: Float64Array): string | undefined {
  const logs = sorted.map(Math.log)
  const count = logs.length
  let total = 0
  let squares = 0
  for (const log of logs) {
    total += log
    squares += log * log
  }
  const variance = squares / count - (total / count) ** 2
  // All alike, to the last place.
  if (variance < 1e-9) return undefined
  let best = 0
  let split = 0
  let below = 0
  for (let at = 1; at < count; at++) {
    below += logs[at - 1]!
    const difference = below / at - (total - below) / (count - at)
    const between = (at / count) * (1 - at / count) * difference ** 2
    if (between > best) {
      best = between
      split = at
    }
  }
  const smaller = sorted[split >> 1]!
  const larger = sorted[(split + count) >> 1]!
  const share = Math.min(split, count - split) / count
  const { explained, share: leastShare, ratio } = twoMiddles
  if (best < explained * variance || share < leastShare || larger < ratio * smaller) return undefined
  return `areas have two middles, ${smaller.toFixed(0)} and ${larger.toFixed(0)} px`
}
