/** Normal quantile of a two-sided 95 % interval. */
const z95 = 1.959963984540054

/** Wilson's 95 % score interval of a share (Wilson 1927); 0..1 where there was no trial. */
export function wilsonInterval(successes: number, trials: number): { readonly lower: number; readonly upper: number } {
  if (trials === 0) return { lower: 0, upper: 1 }
  const share = successes / trials
  const square = z95 * z95
  const middle = share + square / (2 * trials)
  const half = z95 * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials * trials))
  const scale = 1 + square / trials
  return {
    lower: successes === 0 ? 0 : (middle - half) / scale,
    upper: successes === trials ? 1 : (middle + half) / scale,
  }
}
