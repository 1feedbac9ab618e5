import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Estimate } from './interval.ts'
import { wilsonInterval } from './wilson-interval.ts'

/** Items whose stated probabilities lie together. */
export interface ReliabilityBin {
  /** Stated probabilities of the bin: [from, to], its edges for equal width, its extremes for equal mass. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** Mean of the stated probabilities; null for an empty bin. */
  readonly stated: number | null
  /** Share of items that are what was stated, with Wilson's 95 % interval. */
  readonly share: Estimate
}

export interface Reliability {
  readonly bins: readonly ReliabilityBin[]
  /** Mean of |share - stated| over items, by bins; null without items. */
  readonly expectedError: number | null
  /** Largest |share - stated| of a bin. */
  readonly largestError: number | null
}

/**
 * Reliability diagram and expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015; Guo, Pleiss, Sun and
 * Weinberger, ICML 2017, equation 3) of stated probabilities 0..1 against labels 0 or 1, in bins of equal width or of equal
 * mass (Nixon et al., CVPR workshops 2019; equal probabilities stay together, so there may be fewer). For Guo's form give the
 * confidence of each verdict and whether it was right. The error of a perfect classifier is above 0 by chance, more so with
 * many bins. `invalid_argument` where a probability is no number in 0..1.
 */
export function reliability(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  { bins = 15, equal = 'width' }: { readonly bins?: number; readonly equal?: 'width' | 'mass' } = {},
): Reliability {
  const wrong = Array.from(probabilities).findIndex((p) => !(p >= 0 && p <= 1))
  if (wrong >= 0 || !Number.isInteger(bins) || bins < 1) {
    throw new PelletlineError(
      'invalid_argument',
      wrong >= 0
        ? `probability ${probabilities[wrong]} of item ${wrong} is not in 0..1: give probabilities, not margins`
        : `bins is ${bins}; valid are whole numbers from 1`,
    )
  }
  const members = equal === 'width' ? equalWidth(probabilities, bins) : equalMass(probabilities, bins)
  const found = members.map(({ from, to, items }): ReliabilityBin => {
    const sum = items.reduce((all, i) => all + probabilities[i]!, 0)
    const positive = items.filter((i) => labels[i] === 1).length
    const stated = items.length === 0 ? null : sum / items.length
    return { from, to, count: items.length, stated, share: wilsonInterval(positive, items.length) }
  })
  const total = probabilities.length
  const errors = found.filter(({ count }) => count > 0).map((bin) => ({ ...bin, off: offBy(bin) }))
  return {
    bins: found,
    expectedError: total === 0 ? null : errors.reduce((sum, { count, off }) => sum + (count / total) * off, 0),
    largestError: total === 0 ? null : errors.reduce((most, { off }) => Math.max(most, off), 0),
  }
}

interface BinMembers {
  readonly from: number
  readonly to: number
  readonly items: readonly number[]
}

function offBy({ stated, share }: ReliabilityBin): number {
  return Math.abs((share.value ?? 0) - (stated ?? 0))
}

function equalWidth(probabilities: ArrayLike<number>, bins: number): BinMembers[] {
  const items = Array.from({ length: bins }, (): number[] => [])
  for (let i = 0; i < probabilities.length; i++) {
    items[Math.min(bins - 1, Math.floor(probabilities[i]! * bins))]!.push(i)
  }
  return items.map((members, bin) => ({ from: bin / bins, to: (bin + 1) / bins, items: members }))
}

function equalMass(probabilities: ArrayLike<number>, bins: number): BinMembers[] {
  const order = Array.from({ length: probabilities.length }, (_, i) => i)
  order.sort((a, b) => probabilities[a]! - probabilities[b]!)
  const found: BinMembers[] = []
  for (let first = 0; first < order.length; ) {
    // What is left is shared out among the bins that are left.
    let end = first + Math.max(1, Math.round((order.length - first) / (bins - found.length)))
    if (found.length === bins - 1) end = order.length
    while (end < order.length && probabilities[order[end]!] === probabilities[order[end - 1]!]) end++
    const items = order.slice(first, end)
    found.push({ from: probabilities[items[0]!]!, to: probabilities[items.at(-1)!]!, items })
    first = end
  }
  return found
}
