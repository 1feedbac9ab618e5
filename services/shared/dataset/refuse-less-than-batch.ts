import { PelletlineError } from '../errors/pelletline-error.ts'
import type { CropSplits } from './crop-dataset.ts'

/** Refuses a training part of fewer crops than one batch takes, with the way out: `invalid_argument`. */
export function refuseLessThanBatch({ train }: Pick<CropSplits, 'train'>, batchSize: number): void {
  if (train.count >= batchSize) return
  throw new PelletlineError(
    'invalid_argument',
    `${train.source}: the training part holds ${train.count} crops and a batch takes ${batchSize}: ` +
      (train.count < 2 ? 'add images' : `add images, or take batches of at most ${train.count} (batchSize)`),
  )
}
