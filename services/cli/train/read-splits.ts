import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { isPackedCrops, readPackedCrops } from '../../shared/dataset/packed-crops.ts'
import { type ReadFolder, type ReadSplits, readLabelledFolder } from '../../shared/dataset/read-image-folder.ts'
import { readSplits as readTrainingSplits, refuseMissing } from '../../shared/dataset/read-splits.ts'
import { formatCount } from '../format-number.ts'
import type { Progress } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'
import { type DataOptions, toReadOptions } from './data-options.ts'

/** Reads the crops to train on, and notes what was left out or padded and how groups were named; errors as of the dataset's. */
export async function readSplits(
  path: string,
  random: () => number,
  terminal: Terminal,
  signal: AbortSignal,
  options: DataOptions = {},
): Promise<ReadSplits> {
  let progress: Progress | undefined
  const onProgress = (read: number, total: number) => {
    // Every part of the folder counts its own images.
    if (read === 1) {
      progress?.end()
      progress = terminal.progress(`Reading ${path}`, total, 'images')
    }
    progress?.update(read)
  }
  const read = readTrainingSplits(path, random, { ...toReadOptions(options), signal, onProgress })
  const folder = await read.finally(() => progress?.end())
  noteReading(folder, terminal)
  return folder
}

/** Reads labelled crops, unsplit: a file of packed crops, or a folder with OK/ and NG/. */
export async function readCrops(path: string, terminal: Terminal, signal: AbortSignal): Promise<CropDataset> {
  if (await isPackedCrops(path)) return readPackedCrops(path, signal)
  await refuseMissing(path)
  const folder = await readLabelledFolder(path, { signal })
  noteReading(folder, terminal, false)
  return folder.crops
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
