/**
 * How steep the image is where it crosses each gray level: a threshold through the rims of pellets crosses steep edges, one
 * through an unevenly lit bed or the pellets' texture crosses flat ones.
 */
export interface EdgeProfile {
  /** Differences along the levels: crossings that begin (+) or end (-) at a level, and the sums of their steps. */
  readonly crossings: Float64Array
  readonly steps: Float64Array
}

/** Pixels between the two that make a step: wide enough for a blurred rim. */
const distance = 2

/** A profile of no pixel. */
export function createEdgeProfile(): EdgeProfile {
  return { crossings: new Float64Array(257), steps: new Float64Array(257) }
}

/** Adds the horizontal steps of `rows` rows of `width` gray bytes; every `rowStep`-th row is looked at. */
export function addToEdgeProfile(
  profile: EdgeProfile,
  gray: Uint8Array,
  width: number,
  rows: number,
  rowStep = 1,
): void {
  const { crossings, steps } = profile
  for (let y = 0; y < rows; y += rowStep) {
    const end = (y + 1) * width - distance
    for (let i = y * width; i < end; i++) {
      const a = gray[i]!
      const b = gray[i + distance]!
      if (a === b) continue
      const low = Math.min(a, b)
      const high = Math.max(a, b)
      const step = high - low
      crossings[low] = crossings[low]! + 1
      crossings[high] = crossings[high]! - 1
      steps[low] = steps[low]! + step
      steps[high] = steps[high]! - step
    }
  }
}

/** Mean step, in gray levels over two pixels, of the edges that cross from level t or below to above t; 0 where none does. */
export function meanSteps(profile: EdgeProfile): Float64Array {
  const means = new Float64Array(256)
  let count = 0
  let sum = 0
  for (let level = 0; level < 256; level++) {
    count += profile.crossings[level]!
    sum += profile.steps[level]!
    means[level] = count > 0 ? sum / count : 0
  }
  return means
}
