/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function seededUniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Successes among n trials, exact: the gaps between successes are geometric. */
export function drawBinomial(n: number, p: number, uniform: () => number): number {
  if (p > 0.5) return n - drawBinomial(n, 1 - p, uniform)
  if (p <= 0) return 0
  const log = Math.log1p(-p)
  let successes = 0
  for (let at = -1; ; successes += 1) {
    at += 1 + Math.floor(Math.log1p(-uniform()) / log)
    if (at >= n) return successes
  }
}

/** Least share of covered intervals that n simulations of a true 95 % can show: four standard errors below. */
export function leastCoverage(n: number): number {
  return 0.95 - 4 * Math.sqrt((0.95 * 0.05) / n)
}
