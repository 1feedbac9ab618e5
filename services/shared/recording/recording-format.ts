import { crc32 } from 'node:zlib'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** First 8 bytes of a recording; the last of them is the version. See FORMAT.md beside this file. */
const fileMagic = Uint8Array.of(0x89, 0x50, 0x4c, 0x52, 0x0d, 0x0a, 0x1a, 0x01)
/** Last 8 bytes of a recording that was closed cleanly. */
const endMagic = Uint8Array.of(0x50, 0x4c, 0x52, 0x45, 0x4e, 0x44, 0x0a, 0x01)
/** First 4 bytes of a strip's chunk: "STRP". */
export const stripMagic = 0x50525453
/** First 4 bytes of the index: "INDX". */
export const indexMagic = 0x58444e49

/** Bytes of a recording's fixed part, before the JSON. */
export const filePrefixBytes = 16
/** Bytes of a strip's header. */
export const stripHeaderBytes = 64
/** Bytes of one entry of the index, of the index's header, and of what follows the index. */
const indexEntryBytes = 24
const indexHeaderBytes = 12
export const trailerBytes = 16

/** Largest JSON header and largest payload of one strip that a reader takes for real, bytes. */
const maxHeaderBytes = 1 << 20
export const maxPayloadBytes = 1 << 30

/** What a recording says about itself; `extra` carries what its maker wants to keep (a simulator's settings and seed). */
export interface RecordingHeader {
  readonly width: number
  readonly pixelFormat: 'mono8'
  readonly polarity: 'light-on-dark' | 'dark-on-light'
  readonly umPerPxAcross: number
  readonly umPerPxAlong: number
  /** Rows per second the camera was set to; the pace of a replay follows the strips' time stamps. */
  readonly rowsPerSecond: number
  readonly line: string
  readonly camera: string
  readonly run: string
  readonly simulated: boolean
  readonly extra?: unknown
}

/** What is known of a strip besides its pixels. */
export interface StripInfo {
  /** Number within the run. */
  readonly strip: number
  /** Number of its first row since the run began. */
  readonly firstRow: number
  readonly rows: number
  /** Rows exposed but not delivered between the strip before and this one. */
  readonly rowsLostBefore: number
  /** Exposure of the first row, Unix time in ns. */
  readonly exposedUnixNs: bigint
  /** Encoder count at the first row. */
  readonly encoder: bigint
  /** A lot begins with this strip. */
  readonly lotBegins: boolean
  /** No row follows in this run. */
  readonly runEnds: boolean
}

/** A strip with its pixels, rows * width bytes, row-major. */
export interface RecordedStrip extends StripInfo {
  readonly pixels: Uint8Array
}

/** How a strip's pixels are stored. */
export type StripCoding = 'raw' | 'zstd'

/** A strip's header as stored: the strip, and how and in how many bytes its pixels follow. */
export interface StripChunk extends StripInfo {
  readonly coding: StripCoding
  readonly payloadBytes: number
  readonly payloadCrc: number
}

/** Bytes of the file's header: magic, length and CRC of the JSON, JSON. */
export function encodeFileHeader(header: RecordingHeader): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ format: 'pelletline-recording', ...header }))
  const bytes = new Uint8Array(filePrefixBytes + json.length)
  const view = new DataView(bytes.buffer)
  bytes.set(fileMagic)
  view.setUint32(8, json.length, true)
  view.setUint32(12, crc32(json), true)
  bytes.set(json, filePrefixBytes)
  return bytes
}

/** Length of the JSON from the fixed part; throws `invalid_argument` where the file is no recording of this version. */
export function decodeFilePrefix(
  bytes: Uint8Array,
  path: string,
): { readonly jsonBytes: number; readonly crc: number } {
  if (bytes.length < filePrefixBytes)
    throw new PelletlineError(
      'data_loss',
      `Recording ${path} ends within its first ${filePrefixBytes} bytes; record again.`,
    )
  for (let i = 0; i < 7; i++)
    if (bytes[i] !== fileMagic[i])
      throw new PelletlineError(
        'invalid_argument',
        `${path} is not a Pelletline recording (its first bytes differ); give a .plr file.`,
      )
  if (bytes[7] !== fileMagic[7])
    throw new PelletlineError(
      'invalid_argument',
      `Recording ${path} has version ${bytes[7]}; this program reads version ${fileMagic[7]}.`,
    )
  const view = viewOf(bytes)
  const jsonBytes = view.getUint32(8, true)
  if (jsonBytes > maxHeaderBytes)
    throw new PelletlineError(
      'data_loss',
      `Recording ${path} states a header of ${jsonBytes} bytes; at most ${maxHeaderBytes} are valid.`,
    )
  return { jsonBytes, crc: view.getUint32(12, true) }
}

/** Header from its JSON; throws `data_loss` where it is cut off or damaged. */
export function decodeFileHeader(
  json: Uint8Array,
  expected: { readonly jsonBytes: number; readonly crc: number },
  path: string,
): RecordingHeader {
  if (json.length < expected.jsonBytes)
    throw new PelletlineError('data_loss', `Recording ${path} ends within its header; record again.`)
  if (crc32(json) !== expected.crc)
    throw new PelletlineError(
      'data_loss',
      `Header of recording ${path} is damaged (its CRC differs); restore the file from a copy.`,
    )
  const header = JSON.parse(new TextDecoder().decode(json)) as RecordingHeader
  if (!Number.isInteger(header.width) || header.width < 1 || header.pixelFormat !== 'mono8')
    throw new PelletlineError(
      'invalid_argument',
      `Recording ${path} states width ${header.width} and pixel format ${header.pixelFormat}; only mono8 is read.`,
    )
  return header
}

/** Header of a strip's chunk. */
export function encodeStripHeader(chunk: StripChunk): Uint8Array {
  const bytes = new Uint8Array(stripHeaderBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, stripMagic, true)
  view.setUint32(4, chunk.payloadBytes, true)
  view.setBigUint64(8, BigInt(chunk.strip), true)
  view.setBigUint64(16, BigInt(chunk.firstRow), true)
  view.setUint32(24, chunk.rows, true)
  view.setUint8(28, chunk.coding === 'zstd' ? 1 : 0)
  view.setUint8(29, (chunk.lotBegins ? 1 : 0) | (chunk.runEnds ? 2 : 0))
  view.setBigUint64(32, BigInt(chunk.rowsLostBefore), true)
  view.setBigInt64(40, chunk.exposedUnixNs, true)
  view.setBigInt64(48, chunk.encoder, true)
  view.setUint32(56, chunk.payloadCrc, true)
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true)
  return bytes
}

/** Header of a strip's chunk, or undefined where these bytes are none (wrong magic, wrong CRC, a field out of range). */
export function decodeStripHeader(bytes: Uint8Array): StripChunk | undefined {
  if (bytes.length < stripHeaderBytes) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(0, true) !== stripMagic) return undefined
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) return undefined
  const coding = view.getUint8(28)
  const flags = view.getUint8(29)
  const payloadBytes = view.getUint32(4, true)
  if (coding > 1 || payloadBytes > maxPayloadBytes) return undefined
  return {
    payloadBytes,
    strip: Number(view.getBigUint64(8, true)),
    firstRow: Number(view.getBigUint64(16, true)),
    rows: view.getUint32(24, true),
    coding: coding === 1 ? 'zstd' : 'raw',
    lotBegins: (flags & 1) !== 0,
    runEnds: (flags & 2) !== 0,
    rowsLostBefore: Number(view.getBigUint64(32, true)),
    exposedUnixNs: view.getBigInt64(40, true),
    encoder: view.getBigInt64(48, true),
    payloadCrc: view.getUint32(56, true),
  }
}

/** Where a strip lies in the file. */
export interface IndexEntry {
  readonly offset: number
  readonly firstRow: number
  readonly exposedUnixNs: bigint
}

/** Index and trailer that end a recording; `offset` is where they will lie. */
export function encodeIndex(entries: readonly IndexEntry[], offset: number): Uint8Array {
  const bytes = new Uint8Array(indexHeaderBytes + entries.length * indexEntryBytes + trailerBytes)
  const view = new DataView(bytes.buffer)
  entries.forEach((entry, i) => {
    const at = indexHeaderBytes + i * indexEntryBytes
    view.setBigUint64(at, BigInt(entry.offset), true)
    view.setBigUint64(at + 8, BigInt(entry.firstRow), true)
    view.setBigInt64(at + 16, entry.exposedUnixNs, true)
  })
  view.setUint32(0, indexMagic, true)
  view.setUint32(4, entries.length, true)
  view.setUint32(8, crc32(bytes.subarray(indexHeaderBytes, bytes.length - trailerBytes)), true)
  view.setBigUint64(bytes.length - trailerBytes, BigInt(offset), true)
  bytes.set(endMagic, bytes.length - 8)
  return bytes
}

/** Offset of the index from a file's last 16 bytes, or undefined where it was not closed cleanly. */
export function decodeTrailer(bytes: Uint8Array): number | undefined {
  if (bytes.length !== trailerBytes || endMagic.some((byte, i) => bytes[8 + i] !== byte)) return undefined
  return Number(viewOf(bytes).getBigUint64(0, true))
}

/** The index, or undefined where these bytes are none. */
export function decodeIndex(bytes: Uint8Array): IndexEntry[] | undefined {
  if (bytes.length < indexHeaderBytes) return undefined
  const view = viewOf(bytes)
  const count = view.getUint32(4, true)
  if (view.getUint32(0, true) !== indexMagic || bytes.length !== indexHeaderBytes + count * indexEntryBytes)
    return undefined
  if (view.getUint32(8, true) !== crc32(bytes.subarray(indexHeaderBytes))) return undefined
  return Array.from({ length: count }, (_, i) => {
    const at = indexHeaderBytes + i * indexEntryBytes
    return {
      offset: Number(view.getBigUint64(at, true)),
      firstRow: Number(view.getBigUint64(at + 8, true)),
      exposedUnixNs: view.getBigInt64(at + 16, true),
    }
  })
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
