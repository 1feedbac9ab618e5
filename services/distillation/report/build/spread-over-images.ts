import { clusterBootstrap } from '../../../shared/statistics/cluster-bootstrap.ts'
import { tInterval } from '../../../shared/statistics/t-interval.ts'
import { createRandom } from '../../training/random.ts'
import type { ImageInterval } from '../experiment-report.ts'
import { isGrouped } from './describe-data.ts'

/**
 * How far the mean of a value per image (right or wrong, what one model gains over another, or the mean of these over seeds)
 * may vary with the images: 95 % limits of a bootstrap over groups where images come in groups, of a t interval over single
 * images otherwise. Always the same resamples, so that a report repeats itself. Undefined where it cannot be told: all images
 * are alike, or of one group.
 */
export function spreadOverImages(
  values: ArrayLike<number>,
  group: Int32Array | undefined,
  resamples = 1000,
): ImageInterval | undefined {
  const grouped = group !== undefined && isGrouped(group)
  const { low, high } = grouped ? bootstrapMean(values, group, resamples) : tInterval(Array.from(values))
  if (low === null || high === null || low === high) return undefined
  return { low, high, by: grouped ? 'groups' : 'images' }
}

function bootstrapMean(values: ArrayLike<number>, groups: Int32Array, resamples: number) {
  const random = createRandom('gain over groups').uniform
  const statistics = (weights: Uint32Array) => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      sum += weights[i]! * values[i]!
      count += weights[i]!
    }
    return { mean: sum / count }
  }
  return clusterBootstrap({ groups, statistics, resamples, random }).mean
}

/** 1 for each image that is judged as labelled at margin 0, else 0. */
export function rightAtZero(margins: Float32Array, labels: Uint8Array): Uint8Array {
  return Uint8Array.from(labels, (label, i) => (margins[i]! >= 0 === (label === 1) ? 1 : 0))
}

/** Image by image the mean of several lists. */
export function meanByImage(lists: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(lists[0] ?? [], (_, i) => lists.reduce((sum, list) => sum + list[i]!, 0) / lists.length)
}
