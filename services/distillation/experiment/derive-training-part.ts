import { createCropDataset, selectCrops } from '../../shared/dataset/create-crop-dataset.ts'
import { type CropDataset, classNames } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createRandom, shuffled } from '../training/random.ts'
import type { TrainingData } from './plan-experiment.ts'

/**
 * Crops of a dataset, drawn by the seed: of each class half of `count`, or all where it has fewer, so that there are fewer than
 * `count` then. All crops, in the classes' own shares, where `count` is not less than there are.
 */
export function drawCrops(crops: CropDataset, count: number, seed: number): CropDataset {
  if (count >= crops.count) return crops
  const chosen = [0, 1].flatMap((label) => drawOfClass(crops, label, Math.ceil(count / 2), seed, 'crops'))
  const indices = chosen.slice(0, count).sort((a, b) => a - b)
  return selectCrops(crops, indices, `${crops.source} (${indices.length} crops of it)`)
}

/** The training part with a share of its labels flipped, as many of each class. */
export function flipLabels(crops: CropDataset, share: number, seed: number): CropDataset {
  if (share === 0) return crops
  const labels = crops.labels.slice()
  for (const index of drawShare(crops, share, seed, 'noise')) labels[index] = labels[index] === 1 ? 0 : 1
  const source = `${crops.source} (${100 * share} % of the labels flipped)`
  return createCropDataset({ ...crops, source, labels })
}

/** 1 for each crop whose label may be used: a share of each class, drawn by the seed; undefined: all. */
export function chooseLabelled(crops: CropDataset, share: number, seed: number): Uint8Array | undefined {
  if (share === 1) return undefined
  const labelled = new Uint8Array(crops.count)
  for (const index of drawShare(crops, share, seed, 'labels')) labelled[index] = 1
  return labelled
}

/**
 * The training part that a network without teachers sees: only the labelled crops, repeated to exactly the whole part's size, so
 * that an epoch has as many steps. What whole rounds leave over is filled up in the classes' shares, evenly from either.
 */
export function keepLabelled(crops: CropDataset, labelled: Uint8Array | undefined): CropDataset {
  if (labelled === undefined) return crops
  const indices = Array.from(labelled.keys()).filter((index) => labelled[index] === 1)
  const rounds = Math.floor(crops.count / indices.length)
  const rest = crops.count - rounds * indices.length
  const [ok, ng] = [0, 1].map((label) => indices.filter((index) => crops.labels[index] === label))
  const restNg = Math.round((rest * ng!.length) / indices.length)
  const filling = [...spreadOver(ok!, rest - restNg), ...spreadOver(ng!, restNg)].sort((a, b) => a - b)
  const tiled = [...Array.from({ length: rounds }, () => indices).flat(), ...filling]
  const times = rest === 0 ? `${rounds} times` : `${rounds} to ${rounds + 1} times`
  return selectCrops(crops, tiled, `${crops.source} (${indices.length} labelled crops, ${times})`)
}

/** `count` of the items, evenly spaced, none twice. */
function spreadOver(items: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, k) => items[Math.floor((k * items.length) / count)]!)
}

/** The training part of a job and which of its labels count. */
export function deriveTrainingPart(
  crops: CropDataset,
  { labelShare, noiseShare }: TrainingData,
  seed: number,
  taught: boolean,
): { readonly train: CropDataset; readonly labelled: Uint8Array | undefined } {
  const noisy = flipLabels(crops, noiseShare, seed)
  const labelled = chooseLabelled(noisy, labelShare, seed)
  return taught ? { train: noisy, labelled } : { train: keepLabelled(noisy, labelled), labelled: undefined }
}

/** Refuses shares of a class that are less than one crop, before anything is trained: `invalid_argument`. */
export function checkShares(crops: CropDataset, { labelShare, noiseShare }: TrainingData): void {
  for (const share of [labelShare, noiseShare])
    if (share > 0) for (const label of [0, 1]) countShare(crops, share, label)
}

function drawShare(crops: CropDataset, share: number, seed: number, purpose: string): number[] {
  return [0, 1].flatMap((label) => drawOfClass(crops, label, countShare(crops, share, label), seed, purpose))
}

function countShare(crops: CropDataset, share: number, label: number): number {
  const of = crops.labels.reduce((n, other) => n + (other === label ? 1 : 0), 0)
  const count = Math.round(share * of)
  if (count > 0) return count
  throw new PelletlineError(
    'invalid_argument',
    `${crops.source}: ${100 * share} % of ${of} ${classNames[label]} crops is none: use a larger share or more images`,
  )
}

function drawOfClass(crops: CropDataset, label: number, count: number, seed: number, purpose: string): number[] {
  const members = Array.from(crops.labels.keys()).filter((index) => crops.labels[index] === label)
  const order = shuffled(members.length, createRandom(seed, purpose, label))
  return Array.from(order.subarray(0, count), (at) => members[at]!)
}
