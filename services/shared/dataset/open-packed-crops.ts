import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes } from '../inspection/crop.ts'
import type { CropDataset } from './crop-dataset.ts'

// One file of labelled crops, all numbers little-endian:
//   8 bytes  "PLCROPS" and the version, 1
//   uint32   bytes per crop (2500)
//   uint32   count
//   uint32   length of the source's name, then the name in UTF-8, then zeros up to a multiple of 4
//   count    float32 speckPx; then count int32 group; then count * 2500 pixels; then count labels
//   32 bytes SHA-256 of all before

/** First bytes of a file of packed crops. */
export const packedCropsMagic = 'PLCROPS\u0001'

/** Bytes before the name of the source. */
export const packedCropsHeadBytes = 20

const digestBytes = 32
/** Bytes read at a time while the digest is checked. */
const pieceBytes = 2 ** 22

/** A file of packed crops whose digest was checked: all but the pixels in memory, 9 bytes per crop. */
export interface PackedCropsFile extends Omit<CropDataset, 'pixels' | 'groupNames'> {
  /** Reads the pixels of crops [first, first + count). `data_loss` where the file is no longer as long as it was. */
  readPixels(first: number, count: number): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens a file of packed crops of any size and checks its digest, with a few MB of memory beside 9 bytes per crop. Close it.
 * `not_found` where there is none, `invalid_argument` where it is something else or of another version, `data_loss` where
 * it is cut or damaged, `cancelled` on abort.
 */
export async function openPackedCrops(path: string, signal?: AbortSignal): Promise<PackedCropsFile> {
  if (signal?.aborted) throw PelletlineError.from(signal.reason)
  const file = await open(path).catch((cause) => {
    throw new PelletlineError('not_found', `${path} cannot be read: check the path of the packed crops`, { cause })
  })
  try {
    return await openChecked(path, file, signal)
  } catch (reason) {
    await file.close()
    if (signal?.aborted) throw PelletlineError.from(signal.reason)
    throw reason
  }
}

async function openChecked(path: string, file: FileHandle, signal?: AbortSignal): Promise<PackedCropsFile> {
  const stats = await file.stat()
  const head = stats.isFile()
    ? await readAt(file, path, 0, Math.min(stats.size, packedCropsHeadBytes))
    : Buffer.alloc(0)
  if (
    head.length < packedCropsHeadBytes ||
    head.toString('latin1', 0, 8) !== packedCropsMagic ||
    head.readUInt32LE(8) !== cropBytes
  ) {
    throw new PelletlineError(
      'invalid_argument',
      `${path} holds no packed crops of version 1: give a file that "pelletline simulate --crops" wrote, or a folder with OK/ and NG/`,
    )
  }
  const count = head.readUInt32LE(12)
  const nameBytes = head.readUInt32LE(16)
  const columnsAt = packedCropsHeadBytes + Math.ceil(nameBytes / 4) * 4
  const pixelsAt = columnsAt + 8 * count
  const labelsAt = pixelsAt + cropBytes * count
  const expected = labelsAt + count + digestBytes
  if (stats.size !== expected) {
    throw new PelletlineError(
      'data_loss',
      `${path} should hold ${expected} bytes for ${count} crops and holds ${stats.size}: it was cut, write or copy it again`,
    )
  }
  const whole = createHash('sha256')
  const content = createHash('sha256')
  const piece = Buffer.alloc(Math.min(pieceBytes, expected))
  const body = expected - digestBytes
  for (let at = 0; at < body; ) {
    signal?.throwIfAborted()
    // The dataset's own digest begins with the pixels.
    const end = Math.min(at < pixelsAt ? pixelsAt : body, at + piece.length)
    const bytes = await readInto(file, path, at, piece.subarray(0, end - at))
    whole.update(bytes)
    if (at >= pixelsAt) content.update(bytes)
    at += bytes.length
  }
  if (!whole.digest().equals(await readAt(file, path, body, digestBytes))) {
    throw new PelletlineError('data_loss', `${path} is damaged, its digest does not match: write or copy it again`)
  }
  const column = async (from: number, length: number) => (await readAt(file, path, from, length)).buffer as ArrayBuffer
  return {
    source: (await readAt(file, path, packedCropsHeadBytes, nameBytes)).toString('utf8'),
    count,
    speckPx: new Float32Array(await column(columnsAt, 4 * count)),
    group: new Int32Array(await column(columnsAt + 4 * count, 4 * count)),
    labels: new Uint8Array(await column(labelsAt, count)),
    digest: content.digest('hex'),
    readPixels: async (first, length) =>
      new Uint8Array(await column(pixelsAt + first * cropBytes, Math.min(length, count - first) * cropBytes)),
    close: () => file.close(),
  }
}

function readAt(file: FileHandle, path: string, at: number, length: number): Promise<Buffer> {
  return readInto(file, path, at, Buffer.from(new ArrayBuffer(length)))
}

/** Fills the buffer, in pieces, since one read takes at most 2 GiB. */
async function readInto(file: FileHandle, path: string, at: number, buffer: Buffer): Promise<Buffer> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, Math.min(2 ** 30, buffer.length - done), at + done)
    if (bytesRead === 0)
      throw new PelletlineError('data_loss', `${path} was cut while it was read: write or copy it again`)
    done += bytesRead
  }
  return buffer
}
