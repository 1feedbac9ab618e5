import { createColumnMeasurer, type ReferenceMeasures } from '../../shared/calibration/measure-columns.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { decodeGrayLevels } from '../../shared/images/decode-gray-levels.ts'
import { openRecording } from '../../shared/recording/index.ts'

/** A reference, and what its recording states about the optics. */
export interface ReadReference {
  readonly measures: ReferenceMeasures
  readonly umPerPx: { readonly acrossUm: number; readonly alongUm: number } | undefined
}

/** Raw levels of an image of a camera of `bitDepth` bits; throws `invalid_argument` where it holds others. */
export async function readLevels(file: string, bitDepth: 8 | 10 | 12) {
  const image = await decodeGrayLevels(file)
  if ((image.storedBits === 8) !== (bitDepth === 8)) {
    const message = `${file} stores ${image.storedBits} bits a pixel, but references of ${bitDepth} bit are expected; state the camera's depth by --bits.`
    throw new PelletlineError('invalid_argument', message)
  }
  const topLevel = 2 ** bitDepth - 1
  const beyond = image.levels.findIndex((level) => level > topLevel)
  if (beyond >= 0) {
    const message = `${file} holds gray ${image.levels[beyond]} at column ${beyond % image.width}, row ${Math.floor(beyond / image.width)}; ${bitDepth} bit reach to ${topLevel}: state the camera's depth by --bits, or store levels as the camera sends them.`
    throw new PelletlineError('invalid_argument', message)
  }
  return image
}

/** Measures a reference: a recording (8 bit), or an image of `bitDepth` bits whose rows are the camera's. */
export async function readReference(file: string, bitDepth: 8 | 10 | 12, signal: AbortSignal): Promise<ReadReference> {
  return file.endsWith('.plr') ? readRecording(file, bitDepth, signal) : readImage(file, bitDepth)
}

async function readImage(file: string, bitDepth: 8 | 10 | 12): Promise<ReadReference> {
  const { width, levels } = await readLevels(file, bitDepth)
  const measurer = createColumnMeasurer(width, 2 ** bitDepth - 1)
  measurer.add(levels)
  return { measures: { source: file, width, bitDepth, ...measurer.measures() }, umPerPx: undefined }
}

async function readRecording(file: string, bitDepth: 8 | 10 | 12, signal: AbortSignal): Promise<ReadReference> {
  if (bitDepth !== 8) {
    const message = `${file} is a recording, which holds 8 bit; for ${bitDepth} bit give images of 16 bit that hold the camera's levels.`
    throw new PelletlineError('invalid_argument', message)
  }
  const reader = await openRecording(file, { signal })
  try {
    const { width, umPerPxAcross, umPerPxAlong } = reader.header
    const measurer = createColumnMeasurer(width, 255)
    for (let index = 0; index < reader.stripCount; index++) measurer.add((await reader.read(index, signal)).pixels)
    return {
      measures: { source: file, width, bitDepth, ...measurer.measures() },
      umPerPx: { acrossUm: umPerPxAcross, alongUm: umPerPxAlong },
    }
  } finally {
    await reader.close()
  }
}
