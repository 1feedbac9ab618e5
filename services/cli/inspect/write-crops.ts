import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { encodeGrayPng } from '../../shared/images/encode-gray-png.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import type { InspectedImage } from './inspect-image.ts'

export interface WriteCropsOptions {
  readonly folder: string
  /** Name of the crops without index and ending. */
  readonly name: string
  readonly signal?: AbortSignal
}

/** Files under way at once. */
const writesAtOnce = 8

/**
 * Writes the crop of every judged pellet, as the model sees it, into `NAME.INDEX.crop.png`; resolves with their number.
 * Throws `invalid_argument`, naming the file, where one cannot be written.
 */
export async function writeCrops(
  { pellets }: Pick<InspectedImage, 'pellets'>,
  { folder, name, signal }: WriteCropsOptions,
): Promise<number> {
  const crops = pellets.flatMap(({ index, crop }) => (crop === undefined ? [] : [{ index, crop }]))
  let next = 0
  const work = async () => {
    while (next < crops.length) {
      signal?.throwIfAborted()
      const { index, crop } = crops[next++]!
      const path = join(folder, `${name}.${index}.crop.png`)
      const png = await encodeGrayPng(crop, cropSide, cropSide)
      await writeFile(path, png).catch((cause) => {
        const reason = PelletlineError.from(cause).message
        const text = `The crop ${path} cannot be written (${reason}); name another folder with --crops, or make room.`
        throw new PelletlineError('invalid_argument', text, { cause })
      })
    }
  }
  await Promise.all(Array.from({ length: writesAtOnce }, work))
  return crops.length
}
