import { createHash, type Hash } from 'node:crypto'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes } from '../inspection/crop.ts'
import type { CropDataset } from './crop-dataset.ts'

export interface CropDatasetParts {
  readonly source: string
  /** count * 2500 gray bytes. */
  readonly pixels: Uint8Array
  /** 0 = OK, 1 = NG; one per crop. */
  readonly labels: Uint8Array
  /** Default: not known (NaN). */
  readonly speckPx?: Float32Array
  /** Default: no group (-1). */
  readonly group?: Int32Array
  /** Names of the groups by their index; default: none. */
  readonly groupNames?: readonly string[]
}

/** A dataset from its columns, with its digest; `invalid_argument` where their lengths or labels do not fit. */
export function createCropDataset(parts: CropDatasetParts): CropDataset {
  const { source, pixels, labels, speckPx, group, groupNames } = parts
  const count = labels.length
  const lengths = [pixels.length / cropBytes, speckPx?.length ?? count, group?.length ?? count]
  if (lengths.some((length) => length !== count)) {
    throw new PelletlineError(
      'invalid_argument',
      `${source}: ${count} labels, but ${lengths[0]} crops, ${lengths[1]} speck sizes and ${lengths[2]} groups: give one each`,
    )
  }
  const wrong = labels.findIndex((label) => label > 1)
  if (wrong >= 0) {
    throw new PelletlineError(
      'invalid_argument',
      `${source}: label ${labels[wrong]} of crop ${wrong} is neither 0 nor 1`,
    )
  }
  return {
    source,
    count,
    pixels,
    labels,
    speckPx: speckPx ?? new Float32Array(count).fill(Number.NaN),
    group: group ?? new Int32Array(count).fill(-1),
    ...(groupNames !== undefined && { groupNames }),
    digest: updateInPieces(updateInPieces(createHash('sha256'), pixels), labels).digest('hex'),
  }
}

/** Feeds bytes to a digest in pieces, since one call takes at most 2 GiB. */
export function updateInPieces(hash: Hash, bytes: Uint8Array): Hash {
  const piece = 2 ** 26
  for (let from = 0; from < bytes.length; from += piece) hash.update(bytes.subarray(from, from + piece))
  return hash
}

/** The crops of a dataset that `indices` name, in that order. */
export function selectCrops(dataset: CropDataset, indices: ArrayLike<number>, source = dataset.source): CropDataset {
  const picked = Array.from(indices)
  const pixels = new Uint8Array(picked.length * cropBytes)
  for (const [i, index] of picked.entries()) {
    pixels.set(dataset.pixels.subarray(index * cropBytes, (index + 1) * cropBytes), i * cropBytes)
  }
  return createCropDataset({
    source,
    pixels,
    labels: Uint8Array.from(picked, (index) => dataset.labels[index]!),
    speckPx: Float32Array.from(picked, (index) => dataset.speckPx[index]!),
    group: Int32Array.from(picked, (index) => dataset.group[index]!),
    ...(dataset.groupNames !== undefined && { groupNames: dataset.groupNames }),
  })
}
