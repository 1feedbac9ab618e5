/** Counts of the 256 gray levels. */
export type GrayHistogram = Float64Array

/** A histogram without a pixel. */
export function createGrayHistogram(): GrayHistogram {
  return new Float64Array(256)
}

/** Adds every pixel of `gray` (8 bit) to `histogram`; `step` > 1 takes every step-th pixel only, for a stream's running estimate. */
export function addToHistogram(histogram: GrayHistogram, gray: Uint8Array, step = 1): void {
  for (let i = 0; i < gray.length; i += step) {
    const level = gray[i]!
    histogram[level] = histogram[level]! + 1
  }
}

/** Pixels counted. */
export function histogramTotal(histogram: GrayHistogram): number {
  let total = 0
  for (const count of histogram) total += count
  return total
}

/** Multiplies every count by `factor`, 0..1: a histogram that forgets slowly follows a lamp that ages. */
export function fadeHistogram(histogram: GrayHistogram, factor: number): void {
  for (let level = 0; level < histogram.length; level++) histogram[level] = histogram[level]! * factor
}
