import type { CropDataset } from '../../../shared/dataset/crop-dataset.ts'
import { classNames } from '../../../shared/dataset/crop-dataset.ts'
import { cropBytes } from '../../../shared/inspection/crop.ts'
import type { WorstMistake } from '../experiment-report.ts'
import { probabilityOf } from './combine-teachers.ts'

/** The gray bytes of a crop, base64. */
export function pixelsOf(crops: Pick<CropDataset, 'pixels'>, index: number): string {
  return Buffer.from(crops.pixels.subarray(index * cropBytes, (index + 1) * cropBytes)).toString('base64')
}

/** The crops that any of the models judges wrong at margin 0, the surest mistakes first, at most `limit`. */
export function findWorst(
  models: readonly { readonly id: string; readonly margins: Float32Array }[],
  crops: Pick<CropDataset, 'pixels' | 'labels' | 'count'>,
  limit = 20,
): readonly WorstMistake[] {
  const mistakes = models.flatMap(({ id, margins }) =>
    Array.from(margins, (margin, index) => ({ model: id, index, margin })).filter(
      ({ index, margin }) => (margin >= 0 ? 1 : 0) !== crops.labels[index],
    ),
  )
  return mistakes
    .sort((a, b) => Math.abs(b.margin) - Math.abs(a.margin) || a.index - b.index)
    .slice(0, limit)
    .map(({ model, index, margin }) => ({
      model,
      index,
      label: classNames[crops.labels[index]!]!,
      probability: probabilityOf(margin),
      pixels: pixelsOf(crops, index),
    }))
}
