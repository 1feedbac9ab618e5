import { stat } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { CropSplits } from './crop-dataset.ts'
import { isPackedCrops } from './packed-crops.ts'
import { type ReadFolderOptions, type ReadSplits, readImageFolder } from './read-image-folder.ts'
import { readPackedSplits } from './read-packed-splits.ts'

/**
 * Reads the crops to train on: a folder with OK/ and NG/ (split 7:2:1) or with train/, val/ and test/ of these, a folder
 * with train.crops, val.crops and test.crops, or one file of packed crops (split 7:2:1, groups kept together). Errors as for
 * `readImageFolder` and `readPackedSplits`; `invalid_argument` where groups are asked for by name of packed crops, which
 * carry theirs.
 */
export async function readSplits(
  path: string,
  random: () => number,
  options: ReadFolderOptions = {},
): Promise<ReadSplits> {
  const packed = await readPackedSplits(path, random, options.signal)
  if (packed === undefined) {
    await refuseMissing(path)
    return readImageFolder(path, random, options)
  }
  if (options.group === undefined && options.groupColumn === undefined) return ofPacked(path, packed)
  throw new PelletlineError(
    'invalid_argument',
    `${path} holds packed crops, which carry their groups: leave out the pattern or column of groups.`,
  )
}

/** Where a split comes from, in words for a report. */
export function describeSplit({ split, groups }: Pick<ReadSplits, 'split' | 'groups'>, seed: number): string {
  if (split === 'given') return 'as given'
  return `drawn 7:2:1 in each class by seed ${seed}${groups.count > 0 ? ', groups kept together' : ''}`
}

/** `not_found` or `invalid_argument` where `path` is no folder. */
export async function refuseMissing(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) {
    throw new PelletlineError(
      'not_found',
      `${path}: there is no such folder or file; give a folder with OK/ and NG/, or a file of packed crops.`,
    )
  }
  if (!found.isDirectory()) {
    throw new PelletlineError(
      'invalid_argument',
      `${path} is no file of packed crops; give a folder with OK/ and NG/, or what \`pelletline simulate --crops\` wrote.`,
    )
  }
}

async function ofPacked(path: string, crops: CropSplits): Promise<ReadSplits> {
  const groups = new Set([...crops.train.group, ...crops.val.group, ...crops.test.group].filter((group) => group >= 0))
  const split = (await isPackedCrops(path)) ? 'drawn' : 'given'
  return { crops, split, skipped: [], padded: 0, groups: { by: undefined, count: groups.size, ungrouped: [] } }
}
