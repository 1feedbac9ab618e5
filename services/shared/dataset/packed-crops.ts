import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { writeFileAtomically } from '../files/write-file-atomically.ts'
import { cropBytes } from '../inspection/crop.ts'
import { createCropDataset, updateInPieces } from './create-crop-dataset.ts'
import type { CropDataset } from './crop-dataset.ts'
import { openPackedCrops, packedCropsHeadBytes, packedCropsMagic } from './open-packed-crops.ts'

/** Writes labelled crops as one file, atomically; names of groups are not kept. */
export async function writePackedCrops(path: string, crops: CropDataset): Promise<void> {
  const name = Buffer.from(crops.source)
  const head = Buffer.alloc(packedCropsHeadBytes + Math.ceil(name.length / 4) * 4)
  head.write(packedCropsMagic, 'latin1')
  head.writeUInt32LE(cropBytes, 8)
  head.writeUInt32LE(crops.count, 12)
  head.writeUInt32LE(name.length, 16)
  name.copy(head, packedCropsHeadBytes)
  const view = (array: Float32Array | Int32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const chunks = [head, view(crops.speckPx), view(crops.group), crops.pixels, crops.labels]
  const hash = createHash('sha256')
  for (const chunk of chunks) updateInPieces(hash, chunk)
  await writeFileAtomically(path, [...chunks, hash.digest()])
}

/**
 * Reads a file of labelled crops into memory; larger ones in pieces with `openPackedCrops`. Errors as for
 * `openPackedCrops`; `invalid_argument` too where a label is unknown.
 */
export async function readPackedCrops(path: string, signal?: AbortSignal): Promise<CropDataset> {
  const file = await openPackedCrops(path, signal)
  try {
    const { source, count, speckPx, group, labels } = file
    return createCropDataset({ source, speckPx, group, labels, pixels: await file.readPixels(0, count) })
  } finally {
    await file.close()
  }
}

/** Whether a file begins as packed crops do; false where it cannot be read. */
export async function isPackedCrops(path: string): Promise<boolean> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8)
    return bytesRead === 8 && buffer.toString('latin1') === packedCropsMagic
  } catch {
    return false
  }
}
