import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { decodeGray } from '../images/decode-gray.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import { createCropDataset } from './create-crop-dataset.ts'
import { type CropDataset, type CropSplits, classNames } from './crop-dataset.ts'
import { type ClassFolders, type ImageFile, listClassFolders, listImageFiles } from './list-image-files.ts'
import { type ImageGroups, type NameGroupsOptions, nameGroups } from './name-groups.ts'
import { refuseSharedGroups } from './refuse-shared-groups.ts'
import { splitCrops } from './split-crops.ts'

/** `strict` refuses the folder at the first image that cannot be used or has no group, instead of naming it. */
export interface ReadFolderOptions extends NameGroupsOptions {
  /** What to do with smaller images: centre them on black (default), or leave them out. Larger ones are always left out. */
  readonly otherSizes?: 'pad' | 'refuse'
  readonly signal?: AbortSignal
  readonly onProgress?: (read: number, total: number) => void
}

/** An image that was left out, and why. */
export interface SkippedImage {
  readonly path: string
  readonly reason: string
}

export interface ReadFolder<T> {
  readonly crops: T
  readonly skipped: readonly SkippedImage[]
  /** How many of the crops are smaller images, centred on black. */
  readonly padded: number
  readonly groups: GroupSummary
}

/** A folder read into the parts of an experiment. */
export interface ReadSplits extends ReadFolder<CropSplits> {
  /** Whether the parts came so, or were drawn 7:2:1. */
  readonly split: 'given' | 'drawn'
}

export interface GroupSummary extends Pick<ImageGroups, 'by' | 'ungrouped'> {
  readonly count: number
}

/** Decodes under way at once; libvips works in a pool of four threads. */
const decodesAtOnce = 8

/**
 * Reads a folder of labelled crops for training: `OK/` and `NG/` (split 7:2:1 by `random`, groups kept together), or
 * `train|val|test/OK|NG` (respected). Groups are named as `nameGroups` says. Images of 8 or 16 bit, gray or colour become
 * 8-bit gray, transparent pixels black. `not_found` where the folder, a part or a class is missing, `invalid_argument`
 * where a class holds no usable image, where a group is in two parts, or, with `strict`, at the first image that cannot be
 * used; errors of `nameGroups` and `splitCrops` too.
 */
export async function readImageFolder(
  folder: string,
  random: () => number,
  options: ReadFolderOptions = {},
): Promise<ReadSplits> {
  const listed = await listImageFiles(folder)
  for (const part of listed) refuseEmptyClass(part)
  const files = listed.flatMap((part) => part.files)
  const groups = await nameGroups(folder, files, options)
  refuseSharedGroups(folder, files, groups)
  const parts: DecodedFolder[] = []
  for (const part of listed) parts.push(await decodeFolder(part, indicesOf(part, files, groups), groups, options))
  for (const part of parts) refuseUnusableClass(part)
  const [train, val, test] = parts.map(({ crops }) => crops) as [CropDataset, CropDataset?, CropDataset?]
  const given = val !== undefined && test !== undefined
  return {
    crops: given ? { train, val, test } : splitCrops(train, random),
    split: given ? 'given' : 'drawn',
    ...summarize(parts, groups),
  }
}

/** Reads one folder with `OK/` and `NG/`, unsplit; one of them may be empty. Errors as for `readImageFolder`. */
export async function readLabelledFolder(
  folder: string,
  options: ReadFolderOptions = {},
): Promise<ReadFolder<CropDataset>> {
  const listed = await listClassFolders(folder, folder)
  const groups = await nameGroups(folder, listed.files, options)
  const part = await decodeFolder(listed, groups.indices, groups, options)
  return { crops: part.crops, ...summarize([part], groups) }
}

interface DecodedFolder {
  readonly listed: ClassFolders
  readonly crops: CropDataset
  readonly skipped: readonly SkippedImage[]
  readonly padded: number
}

async function decodeFolder(
  listed: ClassFolders,
  indices: Int32Array,
  { names }: ImageGroups,
  options: ReadFolderOptions,
): Promise<DecodedFolder> {
  const { folder, files } = listed
  const foreign = listed.foreign.map((path) => ({ path, reason: `${path} is no PNG, JPEG, TIFF or WebP: convert it` }))
  if (options.strict && foreign[0] !== undefined) throw new PelletlineError('invalid_argument', foreign[0].reason)
  const pixels = new Uint8Array(files.length * cropBytes)
  const failures = new Map<number, string>()
  let padded = 0
  let next = 0
  let read = 0
  const work = async () => {
    while (next < files.length) {
      options.signal?.throwIfAborted()
      const index = next++
      const crop = pixels.subarray(index * cropBytes, (index + 1) * cropBytes)
      const { failure, smaller } = await readCrop(files[index]!.path, crop, options)
      if (failure !== undefined) {
        if (options.strict) throw new PelletlineError('invalid_argument', failure)
        failures.set(index, failure)
      } else if (smaller) padded++
      options.onProgress?.(++read, files.length)
    }
  }
  await Promise.all(Array.from({ length: decodesAtOnce }, work))
  const usable = files.map((_, i) => i).filter((i) => !failures.has(i))
  const inOrder = [...failures].sort(([a], [b]) => a - b).map(([i, reason]) => ({ path: files[i]!.path, reason }))
  const skipped = [...inOrder, ...foreign]
  if (usable.length === 0) {
    const first = skipped[0] === undefined ? '' : `; the first: ${skipped[0].reason}`
    throw new PelletlineError(
      'invalid_argument',
      `${folder} holds no usable image (${files.length + foreign.length} found${first}): put crops into OK/ and NG/, as PNG, JPEG, TIFF or WebP`,
    )
  }
  // Moved up over the gaps of images that were left out, in place.
  for (const [i, index] of usable.entries()) {
    if (i !== index) pixels.copyWithin(i * cropBytes, index * cropBytes, (index + 1) * cropBytes)
  }
  const crops = createCropDataset({
    source: folder,
    pixels: pixels.subarray(0, usable.length * cropBytes),
    labels: Uint8Array.from(usable, (i) => files[i]!.label),
    group: Int32Array.from(usable, (i) => indices[i]!),
    ...(names.length > 0 && { groupNames: names }),
  })
  return { listed, crops, skipped, padded }
}

/** Decodes one image into `crop`, centred; says why it cannot be used, and whether it is smaller than a crop. */
async function readCrop(
  path: string,
  crop: Uint8Array,
  { otherSizes = 'pad' }: ReadFolderOptions,
): Promise<{ readonly failure?: string; readonly smaller?: boolean }> {
  try {
    const { width, height, pixels } = await decodeGray(path, path, { asViewed: true })
    const fits = width <= cropSide && height <= cropSide
    const smaller = width !== cropSide || height !== cropSide
    if (!fits || (otherSizes === 'refuse' && smaller)) {
      return { failure: `${path} is ${width}x${height}, not ${cropSide}x${cropSide}: cut it to the pellet first` }
    }
    const left = (cropSide - width) >> 1
    const top = (cropSide - height) >> 1
    for (let y = 0; y < height; y++) {
      crop.set(pixels.subarray(y * width, (y + 1) * width), (top + y) * cropSide + left)
    }
    return { smaller }
  } catch (reason) {
    return { failure: PelletlineError.from(reason).message }
  }
}

function refuseEmptyClass({ folder, files, foreign }: ClassFolders): void {
  for (const [label, name] of classNames.entries()) {
    if (files.some((file) => file.label === label)) continue
    const path = join(folder, name)
    const other = foreign.find((found) => found.startsWith(path))
    throw new PelletlineError(
      'invalid_argument',
      other === undefined
        ? `${path} holds no image: put ${name} crops into it, as PNG, JPEG, TIFF or WebP`
        : `${path} holds no PNG, JPEG, TIFF or WebP image: convert those that it has, like ${other}`,
    )
  }
}

function refuseUnusableClass({ listed: { folder, files }, crops, skipped }: DecodedFolder): void {
  for (const [label, name] of classNames.entries()) {
    if (crops.labels.includes(label)) continue
    const path = join(folder, name)
    const found = files.filter((file) => file.label === label).length
    const first = skipped.find((image) => image.path.startsWith(path))?.reason
    throw new PelletlineError('invalid_argument', `${path} holds no usable image (${found} found; the first: ${first})`)
  }
}

function indicesOf(part: ClassFolders, files: readonly ImageFile[], { indices }: ImageGroups): Int32Array {
  const from = part.files.length === 0 ? 0 : files.indexOf(part.files[0]!)
  return indices.subarray(from, from + part.files.length)
}

function summarize(parts: readonly DecodedFolder[], { by, names, ungrouped }: ImageGroups) {
  return {
    skipped: parts.flatMap(({ skipped }) => skipped),
    padded: parts.reduce((sum, { padded }) => sum + padded, 0),
    groups: { by, ungrouped, count: names.length },
  }
}
