import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import { type Network, traceNetwork } from '../networks/network.ts'
import { type Augmentation, augmentCrop } from './augment.ts'
import { createRandom, shuffled } from './random.ts'

export interface BatchOptions {
  readonly seed: number
  readonly batchSize: number
  /** undefined: crops go in as they are. */
  readonly augmentation: Augmentation | undefined
  /** 1 for each crop whose label may be used, 0 where only the teachers speak; default: all. */
  readonly labelled?: Uint8Array | undefined
}

/** What a run of consecutive steps reads, by steps, then by batch. */
export interface AssembledBatches {
  readonly steps: number
  readonly images: Uint8Array
  /** One-hot labels; zeros where a crop is not labelled. */
  readonly targets: Float32Array
  /** Dropout masks by layer. */
  readonly masks: ReadonlyMap<string, Float32Array>
  /** Crops in the order of the batches. */
  readonly indices: Uint32Array
  /** Which of its eight flips and turns each crop shows; 0: as it is. */
  readonly turns: Uint8Array
}

/** Steps of one epoch: every crop once, the last batch filled up from the epoch's first crops. */
export function stepsPerEpoch(count: number, batchSize: number): number {
  return Math.ceil(count / batchSize)
}

/**
 * Assembles `steps` batches from step `first` on (counted from 0 over the whole training). Order, augmentation and dropout
 * depend only on the seed, the epoch and the step, never on what was assembled before.
 */
export function assembleBatches(
  dataset: CropDataset,
  network: Network,
  options: BatchOptions,
  first: number,
  steps: number,
): AssembledBatches {
  const { seed, batchSize, augmentation, labelled } = options
  const perEpoch = stepsPerEpoch(dataset.count, batchSize)
  const images = new Uint8Array(steps * batchSize * cropBytes)
  const targets = new Float32Array(steps * batchSize * 2)
  const indices = new Uint32Array(steps * batchSize)
  const turns = new Uint8Array(steps * batchSize)
  const dropouts = traceNetwork(network).flatMap(({ layer, output }) =>
    layer.kind === 'dropout' && layer.rate > 0 ? [{ ...layer, channels: output.channels }] : [],
  )
  const masks = new Map(dropouts.map((layer) => [layer.name, new Float32Array(steps * batchSize * layer.channels)]))
  let order = new Uint32Array()
  let orderOf = -1
  for (let i = 0; i < steps; i++) {
    const step = first + i
    const epoch = Math.floor(step / perEpoch)
    if (epoch !== orderOf) {
      order = new Uint32Array(shuffled(dataset.count, createRandom(seed, 'order', epoch)))
      orderOf = epoch
    }
    const random = createRandom(seed, 'augmentation', step)
    for (let k = 0; k < batchSize; k++) {
      const place = i * batchSize + k
      const index = order[((step % perEpoch) * batchSize + k) % dataset.count]!
      const crop = dataset.pixels.subarray(index * cropBytes, (index + 1) * cropBytes)
      const out = images.subarray(place * cropBytes, (place + 1) * cropBytes)
      if (augmentation === undefined) out.set(crop)
      else turns[place] = augmentCrop(crop, out, augmentation, random)
      if (labelled === undefined || labelled[index] === 1) targets[2 * place + dataset.labels[index]!] = 1
      indices[place] = index
    }
    for (const { name, rate, channels } of dropouts) {
      const draws = createRandom(seed, 'dropout', name, step)
      const mask = masks.get(name)!.subarray(i * batchSize * channels, (i + 1) * batchSize * channels)
      for (let j = 0; j < mask.length; j++) mask[j] = draws.uniform() < rate ? 0 : 1 / (1 - rate)
    }
  }
  return { steps, images, targets, masks, indices, turns }
}
