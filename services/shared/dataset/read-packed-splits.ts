import { join } from 'node:path'
import type { CropSplits } from './crop-dataset.ts'
import { isPackedCrops, readPackedCrops } from './packed-crops.ts'
import { splitCrops } from './split-crops.ts'

/**
 * Reads packed crops to train on: one file (split 7:2:1 by `random`, groups kept together), or a folder with `train.crops`,
 * `val.crops` and `test.crops` (respected). Undefined where the path is neither. Errors as for `readPackedCrops`, also
 * where a part is missing beside `train.crops`, and as for `splitCrops`.
 */
export async function readPackedSplits(
  path: string,
  random: () => number,
  signal?: AbortSignal,
): Promise<CropSplits | undefined> {
  if (await isPackedCrops(path)) return splitCrops(await readPackedCrops(path, signal), random)
  const fileOf = (part: keyof CropSplits) => join(path, `${part}.crops`)
  if (!(await isPackedCrops(fileOf('train')))) return undefined
  const read = (part: keyof CropSplits) => readPackedCrops(fileOf(part), signal)
  const [train, val, test] = await Promise.all([read('train'), read('val'), read('test')])
  return { train, val, test }
}
