import { stat } from 'node:fs/promises'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { isPackedCrops, readPackedCrops } from '../../shared/dataset/packed-crops.ts'
import {
  type ReadFolder,
  type ReadSplits,
  readImageFolder,
  readLabelledFolder,
} from '../../shared/dataset/read-image-folder.ts'
import { readPackedSplits } from '../../shared/dataset/read-packed-splits.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { formatCount } from '../format-number.ts'
import type { Progress } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'
import { type DataOptions, toReadOptions } from './data-options.ts'

/**
 * Reads the crops to train on: a folder with OK/ and NG/ (split 7:2:1) or with train/, val/ and test/ of these, a folder
 * with train.crops, val.crops and test.crops, or one file of packed crops (split 7:2:1, groups kept together). Notes what was
 * left out or padded and how groups were named. Errors as for `readImageFolder` and `readPackedSplits`; `invalid_argument`
 * where groups are asked for by name of packed crops, which carry theirs.
 */
export async function readSplits(
  path: string,
  random: () => number,
  terminal: Terminal,
  signal: AbortSignal,
  options: DataOptions = {},
): Promise<ReadSplits> {
  const packed = await readPackedSplits(path, random, signal)
  if (packed !== undefined) {
    if (options.groupPattern === undefined && options.groupColumn === undefined) return ofPacked(path, packed)
    throw new PelletlineError(
      'invalid_argument',
      `${path} holds packed crops, which carry their groups: leave out --group-pattern and --group-column.`,
    )
  }
  await refuseMissing(path)
  let progress: Progress | undefined
  const onProgress = (read: number, total: number) => {
    // Every part of the folder counts its own images.
    if (read === 1) {
      progress?.end()
      progress = terminal.progress(`Reading ${path}`, total, 'images')
    }
    progress?.update(read)
  }
  const read = readImageFolder(path, random, { ...toReadOptions(options), signal, onProgress })
  const folder = await read.finally(() => progress?.end())
  noteReading(folder, terminal)
  return folder
}

async function ofPacked(path: string, crops: CropSplits): Promise<ReadSplits> {
  const groups = new Set([...crops.train.group, ...crops.val.group, ...crops.test.group].filter((group) => group >= 0))
  const split = (await isPackedCrops(path)) ? 'drawn' : 'given'
  return { crops, split, skipped: [], padded: 0, groups: { by: undefined, count: groups.size, ungrouped: [] } }
}

/** Reads labelled crops, unsplit: a file of packed crops, or a folder with OK/ and NG/. */
export async function readCrops(path: string, terminal: Terminal, signal: AbortSignal): Promise<CropDataset> {
  if (await isPackedCrops(path)) return readPackedCrops(path, signal)
  await refuseMissing(path)
  const folder = await readLabelledFolder(path, { signal })
  noteReading(folder, terminal, false)
  return folder.crops
}

async function refuseMissing(path: string): Promise<void> {
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

/** Most images that are named one by one. */
const namedImages = 10

/** Notes what was left out or padded; where the command has options to read otherwise, it names them. */
function noteReading({ skipped, padded, groups }: ReadFolder<unknown>, terminal: Terminal, optional = true): void {
  const images = (count: number, kind = '') => `${formatCount(count)} ${kind}${count === 1 ? 'image' : 'images'}`
  for (const { reason } of skipped.slice(0, namedImages)) terminal.note(`Left out: ${reason}`)
  if (skipped.length > 0) {
    terminal.note(`Left out ${images(skipped.length)} in all${optional ? '; --strict refuses such' : ''}.`)
  }
  if (padded > 0) {
    const otherwise = optional ? '; --other-sizes refuse leaves such out' : ''
    terminal.note(`Centred ${images(padded, 'smaller ')} on black${otherwise}.`)
  }
  const { by, count, ungrouped } = groups
  if (by === undefined) return
  terminal.note(`Groups: ${formatCount(count)}, by ${by}.`)
  for (const path of ungrouped.slice(0, namedImages)) terminal.note(`No group: ${path}`)
  if (ungrouped.length > 0) {
    const refused = optional ? '; --strict refuses such' : ''
    terminal.note(`Without a group, each counting as one of its own: ${images(ungrouped.length)}${refused}.`)
  }
}
