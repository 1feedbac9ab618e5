import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, zstdDecompress } from 'node:zlib'
import { PelletlineError } from '../errors/pelletline-error.ts'
import {
  decodeStripHeader,
  type IndexEntry,
  maxPayloadBytes,
  type RecordedStrip,
  type RecordingHeader,
  stripHeaderBytes,
} from './recording-format.ts'
import { type DamagedPlace, readAt, scanRecording, throwIfAborted } from './scan-recording.ts'

/** A recording open for reading. */
export interface RecordingReader {
  readonly path: string
  readonly header: RecordingHeader
  /** Strips that lie whole in the file, in the order of recording. */
  readonly stripCount: number
  /** Whether it was closed cleanly; else it is still being written, or its writer died. */
  readonly closed: boolean
  /** Bytes of a last strip that was cut off; it is left out. */
  readonly cutOffBytes: number
  /** Places where chunk headers were damaged; strips that lay there are lost. */
  readonly damaged: readonly DamagedPlace[]
  /** Index of the last strip that begins at or before the row (it holds the row unless that was lost), 0 where none does. */
  indexOfRow(row: number): number
  /** Index of the last strip exposed at or before the time (Unix ns), 0 where none was. */
  indexOfTime(unixNs: bigint): number
  /**
   * First row of a strip, damaged or not, and its rows where its header is sound. Errors as for `read`, but never `data_loss`.
   */
  locate(index: number, signal?: AbortSignal): Promise<{ readonly firstRow: number; readonly rows?: number }>
  /** Reads one strip; throws `data_loss` with its number where its bytes are damaged, `invalid_argument` on a wrong index. */
  read(index: number, signal?: AbortSignal): Promise<RecordedStrip>
  close(): Promise<void>
}

const decompress = promisify(zstdDecompress)

/**
 * Opens a recording; one that is still being written, or whose writer died, gives the strips that lie in it whole.
 * Throws `not_found`, or `invalid_argument` or `data_loss` where it is no recording or its header is damaged.
 */
export async function openRecording(
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<RecordingReader> {
  const file = await open(path, 'r').catch((reason: NodeJS.ErrnoException) => {
    throw new PelletlineError(
      reason.code === 'ENOENT' ? 'not_found' : 'invalid_argument',
      `Recording ${path} cannot be opened: ${reason.message}; give the path of a .plr file.`,
      { cause: reason },
    )
  })
  const scan = await scanRecording(file, path, options.signal).catch(async (reason: unknown) => {
    await file.close()
    if (reason instanceof PelletlineError || options.signal?.aborted === true) throw PelletlineError.from(reason)
    const { message } = PelletlineError.from(reason)
    throw new PelletlineError(
      'invalid_argument',
      `Recording ${path} cannot be read: ${message}; give the path of a .plr file.`,
      { cause: reason },
    )
  })
  const { entries, header } = scan
  const entryOf = (index: number): IndexEntry => {
    const entry = entries[index]
    if (entry !== undefined) return entry
    throw new PelletlineError(
      'invalid_argument',
      `Recording ${path} has strips 0 to ${entries.length - 1} by index; ${index} was asked for.`,
    )
  }
  return {
    path,
    header,
    stripCount: entries.length,
    closed: scan.closed,
    cutOffBytes: scan.cutOffBytes,
    damaged: scan.damaged,
    indexOfRow: (row) => Math.max(0, firstWhere(entries, (entry) => entry.firstRow > row) - 1),
    indexOfTime: (unixNs) => Math.max(0, firstWhere(entries, (entry) => entry.exposedUnixNs > unixNs) - 1),
    locate: async (index, signal) => {
      throwIfAborted(signal, path)
      const { offset, firstRow } = entryOf(index)
      const chunk = decodeStripHeader(await readAt(file, offset, stripHeaderBytes))
      return { firstRow, ...(chunk && { rows: chunk.rows }) }
    },
    read: async (index, signal) => {
      throwIfAborted(signal, path)
      const entry = entryOf(index)
      const damagedStrip = (what: string): PelletlineError =>
        new PelletlineError(
          'data_loss',
          `Strip ${index} of recording ${path} (at byte ${entry.offset}) is damaged: ${what}; skip it or restore the file from a copy.`,
        )
      const chunk = decodeStripHeader(await readAt(file, entry.offset, stripHeaderBytes))
      if (chunk === undefined) throw damagedStrip('its header is not sound')
      const stored = await readAt(file, entry.offset + stripHeaderBytes, chunk.payloadBytes)
      if (stored.length !== chunk.payloadBytes || crc32(stored) !== chunk.payloadCrc)
        throw damagedStrip('the CRC of its pixels differs')
      const wanted = chunk.rows * header.width
      if (wanted > maxPayloadBytes) throw damagedStrip(`it states ${chunk.rows} rows`)
      const pixels =
        chunk.coding === 'raw'
          ? stored
          : await decompress(stored, { maxOutputLength: Math.max(1, wanted) }).catch((reason: unknown) => {
              throw damagedStrip(`its pixels cannot be unpacked (${(reason as Error).message})`)
            })
      if (pixels.length !== wanted) throw damagedStrip(`it holds ${pixels.length} bytes instead of ${wanted}`)
      const { coding: _coding, payloadBytes: _bytes, payloadCrc: _crc, ...info } = chunk
      return { ...info, pixels: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length) }
    },
    close: () => file.close(),
  }
}

/** Index of the first entry that meets a condition which stays met from there on; the length where none does. */
function firstWhere(entries: readonly IndexEntry[], met: (entry: IndexEntry) => boolean): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (met(entries[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
