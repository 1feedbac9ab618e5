import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { writeFileAtomically } from '../files/write-file-atomically.ts'
import { cropBytes } from '../inspection/crop.ts'
import { createCropDataset } from './create-crop-dataset.ts'
import type { CropDataset } from './crop-dataset.ts'

// One file of labelled crops, all numbers little-endian:
//   8 bytes  "PLCROPS" and the version, 1
//   uint32   bytes per crop (2500)
//   uint32   count
//   uint32   length of the source's name, then the name in UTF-8, then zeros up to a multiple of 4
//   count    float32 speckPx; then count int32 group; then count * 2500 pixels; then count labels
//   32 bytes SHA-256 of all before
const magic = 'PLCROPS\u0001'
const headBytes = 20
const digestBytes = 32

/** Writes labelled crops as one file, atomically. */
export async function writePackedCrops(path: string, crops: CropDataset): Promise<void> {
  const name = Buffer.from(crops.source)
  const head = Buffer.alloc(headBytes + Math.ceil(name.length / 4) * 4)
  head.write(magic, 'latin1')
  head.writeUInt32LE(cropBytes, 8)
  head.writeUInt32LE(crops.count, 12)
  head.writeUInt32LE(name.length, 16)
  name.copy(head, headBytes)
  const view = (array: Float32Array | Int32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const chunks = [head, view(crops.speckPx), view(crops.group), crops.pixels, crops.labels]
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  await writeFileAtomically(path, [...chunks, hash.digest()])
}

/**
 * Reads a file of labelled crops. `not_found` where there is none, `invalid_argument` where it is something else or of
 * another version, `data_loss` where it is cut or damaged.
 */
export async function readPackedCrops(path: string, signal?: AbortSignal): Promise<CropDataset> {
  const bytes = await readFile(path, signal === undefined ? {} : { signal }).catch((cause) => {
    if (signal?.aborted) throw PelletlineError.from(signal.reason)
    throw new PelletlineError('not_found', `${path} cannot be read: check the path of the packed crops`, { cause })
  })
  if (bytes.length < headBytes || bytes.toString('latin1', 0, 8) !== magic || bytes.readUInt32LE(8) !== cropBytes) {
    throw new PelletlineError(
      'invalid_argument',
      `${path} holds no packed crops of version 1: give a file that "pelletline simulate --crops" wrote, or a folder with OK/ and NG/`,
    )
  }
  const count = bytes.readUInt32LE(12)
  const nameBytes = bytes.readUInt32LE(16)
  const start = headBytes + Math.ceil(nameBytes / 4) * 4
  const expected = start + count * (4 + 4 + cropBytes + 1) + digestBytes
  if (bytes.length !== expected) {
    throw new PelletlineError(
      'data_loss',
      `${path} should hold ${expected} bytes for ${count} crops and holds ${bytes.length}: it was cut, write or copy it again`,
    )
  }
  const body = bytes.subarray(0, bytes.length - digestBytes)
  if (
    !createHash('sha256')
      .update(body)
      .digest()
      .equals(bytes.subarray(bytes.length - digestBytes))
  ) {
    throw new PelletlineError('data_loss', `${path} is damaged, its digest does not match: write or copy it again`)
  }
  const part = (from: number, length: number) => Uint8Array.from(bytes.subarray(from, from + length))
  const pixelsAt = start + 8 * count
  return createCropDataset({
    source: bytes.toString('utf8', headBytes, headBytes + nameBytes),
    speckPx: new Float32Array(part(start, 4 * count).buffer),
    group: new Int32Array(part(start + 4 * count, 4 * count).buffer),
    pixels: part(pixelsAt, count * cropBytes),
    labels: part(pixelsAt + count * cropBytes, count),
  })
}

/** Whether a file begins as packed crops do; false where it cannot be read. */
export async function isPackedCrops(path: string): Promise<boolean> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8)
    return bytesRead === 8 && buffer.toString('latin1') === magic
  } catch {
    return false
  }
}
