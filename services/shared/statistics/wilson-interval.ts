import { type Estimate, noEstimate } from './interval.ts'

/** 97.5 % quantile of the standard normal distribution: two-sided 95 %. */
export const normalQuantile975 = 1.959963984540054

/** Share `hits` of `count` with Wilson's score interval (1927), two-sided 95 % unless `z` says otherwise. */
export function wilsonInterval(hits: number, count: number, z = normalQuantile975): Estimate {
  if (count === 0) return noEstimate
  const share = hits / count
  const square = z * z
  const centre = (share + square / (2 * count)) / (1 + square / count)
  const half = (z / (1 + square / count)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count * count))
  return {
    value: share,
    low: hits === 0 ? 0 : Math.max(centre - half, 0),
    high: hits === count ? 1 : Math.min(centre + half, 1),
  }
}
