import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { encodeModel } from '../../shared/onnx/onnx-proto.ts'
import { spacedBatches } from '../evaluation/spaced-batches.ts'
import type { Network } from '../networks/network.ts'
import type { Standardisation } from '../training/train-graph.ts'
import { type ActivationRange, chooseRange, countValues, createHistogram } from './activation-histogram.ts'
import { buildInferenceModel } from './build-inference-model.ts'
import type { RangedTensor } from './plan-quantisation.ts'

/** Crops per run. */
const batchSize = 16

/** Crops that the ranges are measured on where none other number is given. */
const defaultCrops = 1024

/** What the ranges of a byte model are measured on. */
export interface Calibration {
  readonly worker: GraphWorker
  /** The training part. */
  readonly crops: Pick<CropDataset, 'count' | 'pixels'>
  /** How many of them, evenly spaced; default 1024, or all where there are fewer. */
  readonly count?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the float32 model over crops and chooses the range of each tensor. `invalid_argument` where there are no crops,
 * `failed_precondition` where a value is not finite.
 */
export async function calibrateRanges(
  network: Network,
  parameters: ReadonlyMap<string, Float32Array>,
  standardisation: Standardisation,
  tensors: readonly RangedTensor[],
  { worker, crops, count = defaultCrops, signal }: Calibration,
): Promise<ReadonlyMap<string, ActivationRange>> {
  const chosen = Math.min(count, crops.count)
  if (chosen < 1) {
    throw new PelletlineError(
      'invalid_argument',
      'there are no crops to measure the ranges of an int8 model on: give the training part',
    )
  }
  const observed = tensors.map(({ name }) => name)
  const model = buildInferenceModel(network, parameters, { standardisation, exportAs: 'float32', observed })
  const histograms = new Map(observed.map((name) => [name, createHistogram()]))
  await worker.load('calibration', encodeModel(model))
  for (const pellet of spacedBatches(crops, chosen, batchSize)) {
    signal?.throwIfAborted()
    const outputs = await worker.run({
      model: 'calibration',
      feeds: { pellet },
      keep: {},
      fetch: observed,
    })
    for (const [name, histogram] of histograms) countValues(histogram, outputs[name]!.data as Float32Array)
  }
  await worker.release('calibration')
  return new Map(tensors.map(({ name, belowZero }) => [name, chooseRange(name, histograms.get(name)!, belowZero)]))
}
