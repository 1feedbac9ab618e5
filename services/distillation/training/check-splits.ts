import { type CropSplits, classNames } from '../../shared/dataset/crop-dataset.ts'
import { refuseLessThanBatch } from '../../shared/dataset/refuse-less-than-batch.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { TrainConfig } from './train-config.ts'

/**
 * Refuses data that a training would only fail on at its end: a training part of less than a batch or
 * without one of the classes, an empty
 * validation or test part, a validation part without the class that the threshold's rule needs. `invalid_argument`.
 */
export function checkSplits(
  splits: CropSplits,
  { threshold, batchSize }: Pick<TrainConfig, 'threshold' | 'batchSize'>,
): void {
  refuseLessThanBatch(splits, batchSize)
  const refuse = (part: keyof CropSplits, what: string) => {
    const { source } = splits[part]
    throw new PelletlineError(
      'invalid_argument',
      `${source}: the ${part} part holds no ${what}: add some, or split anew`,
    )
  }
  const has = (part: keyof CropSplits, label: number) => splits[part].labels.includes(label)
  for (const [label, name] of classNames.entries()) {
    if (!has('train', label)) refuse('train', `${name} crop`)
    const needed = threshold.kind === 'maxOverkillPpm' ? 0 : threshold.kind === 'minRecall' ? 1 : undefined
    if (label === needed && !has('val', label)) refuse('val', `${name} crop, which the threshold's rule needs`)
  }
  for (const part of ['val', 'test'] as const) if (splits[part].count === 0) refuse(part, 'crop')
}
