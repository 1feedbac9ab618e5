import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** The values between which a tensor is told apart by bytes; zero lies inside. */
export interface ActivationRange {
  readonly low: number
  readonly high: number
}

/**
 * Counts values by the upper half of their float32 bits: sign, exponent and seven bits of mantissa, so that every value is
 * known to 1 % without knowing the range beforehand, and one pass over the data is enough.
 */
export type ActivationHistogram = Float64Array

/** An empty histogram. */
export function createHistogram(): ActivationHistogram {
  return new Float64Array(65536)
}

/** Counts values in. */
export function countValues(histogram: ActivationHistogram, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) histogram[bits[i]! >>> 16]!++
}

/** Shares of the values that may be cut off at either end; the one with the smallest error is taken. */
const cutShares = [0, 1e-6, 1e-5, 1e-4, 1e-3] as const

/** Share of the values at either end that may be outliers. */
const outlierShare = 1e-5

/**
 * The range with which 255 steps give the smallest mean squared error, among the whole range and some that cut off the
 * rarest values at either end. `belowZero` weighs errors of negative values: the slope of the activation that follows. An
 * outlier does not take the steps of all others: one value in 100,000 that lies further out than all the rest is wide
 * counts as lying there. `failed_precondition` naming `tensor` where a value is not finite.
 */
export function chooseRange(tensor: string, histogram: ActivationHistogram, belowZero = 1): ActivationRange {
  const bins = limitOutliers(sortedBins(tensor, histogram))
  let best: ActivationRange = { low: 0, high: 0 }
  let bestError = Infinity
  for (const share of cutShares) {
    const range = rangeWithout(bins, share)
    const error = meanSquare(bins, range, belowZero)
    if (error < bestError) {
      best = range
      bestError = error
    }
  }
  return best
}

function limitOutliers(bins: readonly Bin[]): readonly Bin[] {
  const { low, high } = rangeWithout(bins, outlierShare)
  const width = high - low
  if (width === 0) return bins
  return bins.map(({ value, count }) => ({ value: Math.min(Math.max(value, low - width), high + width), count }))
}

/** The range of what is left when a share of the values is cut off at either end. */
function rangeWithout(bins: readonly Bin[], share: number): ActivationRange {
  const cut = share * bins.reduce((sum, { count }) => sum + count, 0)
  return { low: Math.min(0, cutAt(bins, cut)), high: Math.max(0, cutAt(bins.toReversed(), cut)) }
}

interface Bin {
  readonly value: number
  readonly count: number
}

/** The filled bins by rising value. */
function sortedBins(tensor: string, histogram: ActivationHistogram): readonly Bin[] {
  const bits = new Uint32Array(1)
  const real = new Float32Array(bits.buffer)
  const bins: Bin[] = []
  for (const [bin, count] of histogram.entries()) {
    if (count === 0) continue
    // The far edge of the bin: no value that was counted in lies beyond it.
    bits[0] = (bin << 16) | 0xffff
    if ((bin & 0x7f80) === 0x7f80) {
      throw new PelletlineError(
        'failed_precondition',
        `layer ${tensor} gives numbers that are not finite on the calibration crops, so it has no range for bytes: train the network again, or export it with other precisions`,
      )
    }
    bins.push({ value: real[0]!, count })
  }
  return bins.sort((a, b) => a.value - b.value)
}

/** The first value that is left after `cut` values have been dropped. */
function cutAt(bins: readonly Bin[], cut: number): number {
  let dropped = 0
  for (const { value, count } of bins) {
    dropped += count
    if (dropped > cut) return value
  }
  return 0
}

function meanSquare(bins: readonly Bin[], { low, high }: ActivationRange, belowZero: number): number {
  // Rounding to steps is uniform noise; what lies outside is off by its whole distance.
  const rounding = ((high - low) / 255) ** 2 / 12
  let sum = 0
  let total = 0
  for (const { value, count } of bins) {
    const distance = value > high ? value - high : value < low ? low - value : 0
    sum += count * (distance ** 2 + rounding) * (value < 0 ? belowZero ** 2 : 1)
    total += count
  }
  return total === 0 ? 0 : sum / total
}
