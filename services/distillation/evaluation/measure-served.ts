import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { ClassifierMetrics } from '../../shared/onnx/model-manifest.ts'
import type { ThresholdRule } from '../training/train-config.ts'
import { chooseThreshold } from './choose-threshold.ts'
import { judgeCrops } from './judge-crops.ts'
import { marginsOf, measureClassifier } from './measure-classifier.ts'

/** Figures of a model file as it is served. */
export interface ServedFigures {
  /** Chosen on the margins of the validation part. */
  readonly threshold: number
  readonly validation: ClassifierMetrics
  readonly test: ClassifierMetrics
}

export interface MeasureServedOptions {
  readonly splits: CropSplits
  readonly threshold: ThresholdRule
  /** Speck diameter, px of the crop, from which a miss counts as an escape. */
  readonly smallestSpeckPx: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Judges validation and test part by a model file's bytes, chooses the threshold on the former and measures both at it.
 * Errors as of `judgeCrops` and `chooseThreshold`.
 */
export async function measureServed(
  worker: GraphWorker,
  bytes: Uint8Array,
  { splits, threshold: rule, smallestSpeckPx, signal }: MeasureServedOptions,
): Promise<ServedFigures> {
  const marginsFor = async (part: 'val' | 'test') =>
    marginsOf((await judgeCrops(worker, bytes, splits[part], signal)).logits)
  const margins = { val: await marginsFor('val'), test: await marginsFor('test') }
  const threshold = chooseThreshold(rule, margins.val, splits.val.labels)
  const measure = (part: 'val' | 'test') =>
    measureClassifier(
      { margins: margins[part], labels: splits[part].labels, speckPx: splits[part].speckPx },
      { threshold, smallestSpeckPx },
    )
  return { threshold, validation: measure('val'), test: measure('test') }
}
