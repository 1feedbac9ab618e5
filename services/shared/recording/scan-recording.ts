import type { FileHandle } from 'node:fs/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import {
  decodeFileHeader,
  decodeFilePrefix,
  decodeIndex,
  decodeStripHeader,
  decodeTrailer,
  filePrefixBytes,
  type IndexEntry,
  indexMagic,
  type RecordingHeader,
  stripHeaderBytes,
  stripMagic,
  trailerBytes,
} from './recording-format.ts'

/** A place in the file where a chunk should begin and does not: bytes that were overwritten or lost. */
export interface DamagedPlace {
  /** Chunks before it. */
  readonly chunk: number
  readonly offset: number
  readonly bytes: number
}

/** What a file holds. */
export interface ScannedRecording {
  readonly header: RecordingHeader
  readonly entries: readonly IndexEntry[]
  /** Offset after the last whole chunk: where a writer goes on. */
  readonly end: number
  /** Whether the file ends with an index. */
  readonly closed: boolean
  /** Bytes of a last chunk that was cut off while it was written. */
  readonly cutOffBytes: number
  readonly damaged: readonly DamagedPlace[]
}

/**
 * Finds the strips of a recording: by its index where it was closed cleanly, else by walking from chunk to chunk. A last
 * chunk that was cut off is left out; where a chunk's header is damaged, the walk goes on at the next sound one. Throws
 * `data_loss` or `invalid_argument` when the file's own header cannot be read.
 */
export async function scanRecording(file: FileHandle, path: string, signal?: AbortSignal): Promise<ScannedRecording> {
  const { size } = await file.stat()
  const prefix = decodeFilePrefix(await readAt(file, 0, filePrefixBytes), path)
  const header = decodeFileHeader(await readAt(file, filePrefixBytes, prefix.jsonBytes), prefix, path)
  const start = filePrefixBytes + prefix.jsonBytes
  const indexOffset = decodeTrailer(await readAt(file, Math.max(start, size - trailerBytes), trailerBytes))
  if (indexOffset !== undefined && indexOffset >= start && indexOffset <= size - trailerBytes) {
    const entries = decodeIndex(await readAt(file, indexOffset, size - trailerBytes - indexOffset))
    if (entries !== undefined) return { header, entries, end: indexOffset, closed: true, cutOffBytes: 0, damaged: [] }
  }
  return { header, ...(await walk(file, path, start, size, signal)) }
}

async function walk(file: FileHandle, path: string, start: number, size: number, signal: AbortSignal | undefined) {
  const entries: IndexEntry[] = []
  const damaged: DamagedPlace[] = []
  let offset = start
  while (offset < size) {
    throwIfAborted(signal, path)
    const bytes = await readAt(file, offset, stripHeaderBytes)
    const chunk = decodeStripHeader(bytes)
    if (chunk !== undefined) {
      const next = offset + stripHeaderBytes + chunk.payloadBytes
      if (next > size) break
      entries.push({ offset, firstRow: chunk.firstRow, exposedUnixNs: chunk.exposedUnixNs })
      offset = next
      continue
    }
    // A damaged footer follows the last strip; it holds nothing that the walk has not found.
    if (bytes.length >= 4 && bytes[0] === (indexMagic & 255) && bytes[1] === ((indexMagic >> 8) & 255)) break
    const found = await findChunk(file, offset + 1, size)
    if (found === undefined) break
    damaged.push({ chunk: entries.length + damaged.length, offset, bytes: found - offset })
    offset = found
  }
  return { entries, end: offset, closed: false, cutOffBytes: size - offset, damaged }
}

const searchBytes = 1 << 20

/** Offset of the next sound chunk header at or after `from`. */
async function findChunk(file: FileHandle, from: number, size: number): Promise<number | undefined> {
  for (let at = from; at < size; at += searchBytes) {
    const bytes = await readAt(file, at, searchBytes + stripHeaderBytes)
    for (let i = 0; i < Math.min(searchBytes, bytes.length - stripHeaderBytes + 1); i++) {
      if (bytes[i] !== (stripMagic & 255)) continue
      if (decodeStripHeader(bytes.subarray(i, i + stripHeaderBytes)) !== undefined) return at + i
    }
  }
  return undefined
}

/** Throws `cancelled` where the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, path: string): void {
  if (signal?.aborted)
    throw new PelletlineError('cancelled', `Work on recording ${path} was stopped.`, { cause: signal.reason })
}

/** Reads up to `length` bytes; fewer where the file ends. */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, length))
  let done = 0
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
