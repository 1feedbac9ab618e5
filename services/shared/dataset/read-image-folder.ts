import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { decodeGray } from '../images/decode-gray.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import { createCropDataset } from './create-crop-dataset.ts'
import { type CropDataset, type CropSplits, classNames, type Split } from './crop-dataset.ts'
import { splitCrops } from './split-crops.ts'

export interface ReadFolderOptions {
  /** Refuse the folder at the first image that cannot be used, instead of naming and skipping it. */
  readonly strict?: boolean
  /** What to do with smaller images: centre them on black (default), or leave them out. Larger ones are always left out. */
  readonly otherSizes?: 'pad' | 'refuse'
  /** Pattern on the file name whose first capture names the group (patient, lot, scan) that must not be split. */
  readonly group?: RegExp
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
}

const extensions = /\.(png|jpe?g|tiff?|webp)$/i
const splitNames = ['train', 'val', 'test'] as const
/** Decodes under way at once; libvips works in a pool of four threads. */
const decodesAtOnce = 8

/**
 * Reads a folder of labelled crops for training: `OK/` and `NG/` (split 7:2:1 by `random`, groups kept together), or
 * `train|val|test/OK|NG` (respected). `not_found` where the folder or a class is missing, `invalid_argument` where no
 * image is left, where a group is in two parts, or, with `strict`, at the first image that cannot be used.
 */
export async function readImageFolder(
  folder: string,
  random: () => number,
  options: ReadFolderOptions = {},
): Promise<ReadFolder<CropSplits>> {
  const entries = await listFolder(folder)
  if (!entries.includes('train')) {
    const { crops, skipped } = await readLabelledFolder(folder, options)
    return { crops: splitCrops(crops, random), skipped }
  }
  const groups = new Map<string, number>()
  const parts: ReadFolder<CropDataset>[] = []
  for (const name of splitNames) parts.push(await readLabelled(join(folder, name), options, groups))
  const crops = Object.fromEntries(splitNames.map((name, i) => [name, parts[i]!.crops])) as CropSplits
  refuseSharedGroups(folder, crops, groups)
  return { crops, skipped: parts.flatMap(({ skipped }) => skipped) }
}

/** Reads one folder with `OK/` and `NG/`, unsplit. Errors as for `readImageFolder`. */
export function readLabelledFolder(folder: string, options: ReadFolderOptions = {}): Promise<ReadFolder<CropDataset>> {
  return readLabelled(folder, options, new Map())
}

async function readLabelled(
  folder: string,
  options: ReadFolderOptions,
  groups: Map<string, number>,
): Promise<ReadFolder<CropDataset>> {
  const present = await listFolder(folder)
  const missing = classNames.filter((name) => !present.includes(name))
  if (missing.length > 0) {
    throw new PelletlineError(
      'not_found',
      `${folder} has no folder ${missing.join(' and no folder ')}: put good pellets into OK/ and bad ones into NG/`,
    )
  }
  const files: { readonly path: string; readonly name: string; readonly label: number }[] = []
  for (const [label, className] of classNames.entries()) {
    const names = (await listFolder(join(folder, className))).filter((name) => extensions.test(name)).sort()
    files.push(...names.map((name) => ({ path: join(folder, className, name), name, label })))
  }
  const pixels = new Uint8Array(files.length * cropBytes)
  const failures = new Map<number, string>()
  let next = 0
  let read = 0
  const work = async () => {
    while (next < files.length) {
      options.signal?.throwIfAborted()
      const index = next++
      const { path } = files[index]!
      const failure = await readCrop(path, pixels.subarray(index * cropBytes, (index + 1) * cropBytes), options)
      if (failure !== undefined) {
        if (options.strict) throw new PelletlineError('invalid_argument', failure)
        failures.set(index, failure)
      }
      options.onProgress?.(++read, files.length)
    }
  }
  await Promise.all(Array.from({ length: decodesAtOnce }, work))
  return assemble(folder, files, pixels, failures, options, groups)
}

/** Decodes one image into `crop`, centred; returns why it cannot be used, or undefined. */
async function readCrop(path: string, crop: Uint8Array, { otherSizes = 'pad' }: ReadFolderOptions) {
  try {
    const { width, height, pixels } = await decodeGray(path, path)
    const fits = width <= cropSide && height <= cropSide
    if (!fits || (otherSizes === 'refuse' && (width !== cropSide || height !== cropSide))) {
      return `${path} is ${width}x${height}, not ${cropSide}x${cropSide}: cut it to the pellet first`
    }
    const left = (cropSide - width) >> 1
    const top = (cropSide - height) >> 1
    for (let y = 0; y < height; y++) {
      crop.set(pixels.subarray(y * width, (y + 1) * width), (top + y) * cropSide + left)
    }
    return undefined
  } catch (reason) {
    return PelletlineError.from(reason).message
  }
}

function assemble(
  folder: string,
  files: readonly { readonly path: string; readonly name: string; readonly label: number }[],
  pixels: Uint8Array,
  failures: ReadonlyMap<number, string>,
  options: ReadFolderOptions,
  groups: Map<string, number>,
): ReadFolder<CropDataset> {
  const usable = files.map((_, i) => i).filter((i) => !failures.has(i))
  if (usable.length === 0) {
    const first = failures.values().next().value
    throw new PelletlineError(
      'invalid_argument',
      `${folder} holds no usable image (${files.length} found${first ? `; the first: ${first}` : ''})`,
    )
  }
  const kept = new Uint8Array(usable.length * cropBytes)
  for (const [i, index] of usable.entries()) {
    kept.set(pixels.subarray(index * cropBytes, (index + 1) * cropBytes), i * cropBytes)
  }
  const groupOf = (name: string) => {
    const key = options.group === undefined ? undefined : options.group.exec(name)?.[1]
    if (key === undefined) return -1
    const known = groups.get(key)
    if (known !== undefined) return known
    groups.set(key, groups.size)
    return groups.size - 1
  }
  const crops = createCropDataset({
    source: folder,
    pixels: kept,
    labels: Uint8Array.from(usable, (i) => files[i]!.label),
    group: Int32Array.from(usable, (i) => groupOf(files[i]!.name)),
  })
  return { crops, skipped: [...failures].map(([i, reason]) => ({ path: files[i]!.path, reason })) }
}

function refuseSharedGroups(folder: string, crops: CropSplits, groups: ReadonlyMap<string, number>): void {
  const names = new Map([...groups].map(([name, index]) => [index, name]))
  const owner = new Map<number, Split>()
  for (const split of splitNames) {
    for (const group of new Set(crops[split].group)) {
      const other = owner.get(group)
      if (group >= 0 && other !== undefined) {
        throw new PelletlineError(
          'invalid_argument',
          `${folder}: group ${names.get(group)} is in ${other} and in ${split}: keep every group in one part`,
        )
      }
      owner.set(group, split)
    }
  }
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw new PelletlineError('not_found', `${folder} cannot be listed: check the path`, { cause })
  }
}
