import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { constants, crc32, zstdCompress } from 'node:zlib'
import { PelletlineError } from '../errors/pelletline-error.ts'
import {
  encodeFileHeader,
  encodeIndex,
  encodeStripHeader,
  type IndexEntry,
  type RecordedStrip,
  type RecordingHeader,
  type StripCoding,
} from './recording-format.ts'
import { scanRecording, throwIfAborted } from './scan-recording.ts'
import { writeWhole, writing } from './write-whole.ts'

/** A recording open for writing. */
export interface RecordingWriter {
  readonly path: string
  readonly header: RecordingHeader
  /** Strips in the file, those of an appended recording included. */
  readonly stripCount: number
  /**
   * Appends a strip and returns once all of it is handed to the system. Throws `invalid_argument` on a wrong number of pixels,
   * `failed_precondition` on a strip that begins before the last one's first row, or after close, `resource_exhausted` where
   * the disk is full. A strip that throws is not in the recording, which goes on with the next one.
   */
  write(strip: RecordedStrip, signal?: AbortSignal): Promise<void>
  /** Writes the index and closes the file; a file left without it is still read, by a walk over its chunks. */
  close(): Promise<void>
}

export interface RecordingWriterOptions {
  /** How pixels are stored; default raw (zstd halves the speed and saves about two thirds on a sparse belt). */
  readonly coding?: StripCoding
}

const compress = promisify(zstdCompress)

/** Creates a recording, or empties the file that is there. */
export async function createRecording(
  path: string,
  header: RecordingHeader,
  options: RecordingWriterOptions = {},
): Promise<RecordingWriter> {
  const file = await openFor(path, 'w')
  const bytes = encodeFileHeader(header)
  try {
    await writing(path, () => writeWhole(file, [bytes], 0))
  } catch (reason) {
    await file.close()
    throw reason
  }
  return writerOn(file, path, header, [], bytes.length, options)
}

/**
 * Opens a recording to append to it: its index is taken off, and so is a last strip that was cut off by a crash. Throws
 * as `openRecording` does.
 */
export async function appendRecording(
  path: string,
  options: RecordingWriterOptions & { readonly signal?: AbortSignal } = {},
): Promise<RecordingWriter> {
  const file = await openFor(path, 'r+')
  try {
    const scan = await scanRecording(file, path, options.signal)
    await writing(path, () => file.truncate(scan.end))
    return writerOn(file, path, scan.header, [...scan.entries], scan.end, options)
  } catch (reason) {
    await file.close()
    throw PelletlineError.from(reason)
  }
}

function writerOn(
  file: FileHandle,
  path: string,
  header: RecordingHeader,
  entries: IndexEntry[],
  start: number,
  options: RecordingWriterOptions,
): RecordingWriter {
  const coding = options.coding ?? 'raw'
  let offset = start
  let closed = false
  /** A part of a strip may lie behind `offset`. */
  let torn = false

  /**
   * Cuts that part off: a shorter strip would leave the end of it behind the index, which is found only at the end of the
   * file. It also makes room.
   */
  async function clearTorn(): Promise<void> {
    if (torn) await file.truncate(offset)
    torn = false
  }

  return {
    path,
    header,
    get stripCount() {
      return entries.length
    },
    write: async (strip, signal) => {
      throwIfAborted(signal, path)
      if (closed)
        throw new PelletlineError('failed_precondition', `Recording ${path} is closed; open it with appendRecording.`)
      if (strip.pixels.length !== strip.rows * header.width)
        throw new PelletlineError(
          'invalid_argument',
          `Strip ${strip.strip} for recording ${path} has ${strip.pixels.length} pixels; ${strip.rows} rows of ${header.width} are ${strip.rows * header.width}.`,
        )
      const last = entries.at(-1)
      if (last !== undefined && strip.firstRow < last.firstRow)
        throw new PelletlineError(
          'failed_precondition',
          `Strip ${strip.strip} for recording ${path} begins at row ${strip.firstRow}, before row ${last.firstRow} of the strip recorded last; record strips in order.`,
        )
      const payload =
        coding === 'raw'
          ? strip.pixels
          : await compress(strip.pixels, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
      const head = encodeStripHeader({ ...strip, coding, payloadBytes: payload.length, payloadCrc: crc32(payload) })
      await writing(path, async () => {
        await clearTorn()
        torn = true
        await writeWhole(file, [head, payload], offset)
        torn = false
      })
      entries.push({ offset, firstRow: strip.firstRow, exposedUnixNs: strip.exposedUnixNs })
      offset += head.length + payload.length
    },
    close: async () => {
      if (closed) return
      closed = true
      const bytes = encodeIndex(entries, offset)
      await writing(path, async () => {
        try {
          await clearTorn()
          await writeWhole(file, [bytes], offset)
        } finally {
          await file.close()
        }
      })
    },
  }
}

async function openFor(path: string, flags: string): Promise<FileHandle> {
  return open(path, flags).catch((reason: NodeJS.ErrnoException) => {
    throw new PelletlineError(
      reason.code === 'ENOENT' ? 'not_found' : 'invalid_argument',
      `Recording ${path} cannot be written: ${reason.message}; give a path in a folder that exists.`,
      { cause: reason },
    )
  })
}
