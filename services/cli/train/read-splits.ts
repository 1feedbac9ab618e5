import { stat } from 'node:fs/promises'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { isPackedCrops, readPackedCrops } from '../../shared/dataset/packed-crops.ts'
import { readImageFolder, readLabelledFolder, type SkippedImage } from '../../shared/dataset/read-image-folder.ts'
import { readPackedSplits } from '../../shared/dataset/read-packed-splits.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { formatCount } from '../format-number.ts'
import type { Progress } from '../progress-bar.ts'
import type { Terminal } from '../terminal.ts'

/**
 * Reads the crops to train on: a folder with OK/ and NG/ (split 7:2:1) or with train/, val/ and test/ of these, a folder
 * with train.crops, val.crops and test.crops, or one file of packed crops (split 7:2:1, groups kept together).
 */
export async function readSplits(
  path: string,
  random: () => number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CropSplits> {
  const packed = await readPackedSplits(path, random, signal)
  if (packed !== undefined) return packed
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
  const { crops, skipped } = await readImageFolder(path, random, { signal, onProgress }).finally(() => progress?.end())
  reportSkipped(skipped, terminal)
  return crops
}

/** Reads labelled crops, unsplit: a file of packed crops, or a folder with OK/ and NG/. */
export async function readCrops(path: string, terminal: Terminal, signal: AbortSignal): Promise<CropDataset> {
  if (await isPackedCrops(path)) return readPackedCrops(path, signal)
  await refuseMissing(path)
  const { crops, skipped } = await readLabelledFolder(path, { signal })
  reportSkipped(skipped, terminal)
  return crops
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

function reportSkipped(skipped: readonly SkippedImage[], terminal: Terminal): void {
  for (const { path, reason } of skipped.slice(0, 10)) terminal.note(`Left out ${path}: ${reason}`)
  if (skipped.length > 10) terminal.note(`Left out ${formatCount(skipped.length - 10)} more images.`)
}
