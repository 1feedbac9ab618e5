import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import type { ViewNumber } from './turn-crop.ts'

/** What logits are of. */
export interface LogitsKey {
  /** SHA-256 of the model's file, hex. */
  readonly model: string
  /** The dataset's digest, hex. */
  readonly data: string
  readonly view: ViewNumber
}

// Layout: "PLLOGIT" and the version 1; 32 bytes of the model's digest; 32 of the data's; uint32 view; uint32 count; count * 2
// float32 (all little-endian); SHA-256 of all before.
const magic = 'PLLOGIT\u0001'
const headBytes = 80
const digestBytes = 32

function pathOf(folder: string, { model, data, view }: LogitsKey): string {
  return join(folder, `${model.slice(0, 24)}-${data.slice(0, 24)}-${view}.logits`)
}

function headOf({ model, data, view }: LogitsKey, count: number): Buffer {
  const head = Buffer.alloc(headBytes)
  head.write(magic, 'latin1')
  head.write(model, 8, 'hex')
  head.write(data, 40, 'hex')
  head.writeUInt32LE(view, 72)
  head.writeUInt32LE(count, 76)
  return head
}

const sha256 = (...chunks: readonly Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest()
}

/** Keeps logits [count, 2] in a folder, made where it is missing; whole or not at all. */
export async function writeLogits(folder: string, key: LogitsKey, logits: Float32Array): Promise<void> {
  await makeFolder(folder)
  const head = headOf(key, logits.length / 2)
  const body = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength)
  await writeFileAtomically(pathOf(folder, key), [head, body, sha256(head, body)])
}

/** Logits [count, 2] that the folder keeps; undefined where it has none, or where the file is damaged: judge again. */
export async function readLogits(folder: string, key: LogitsKey, count: number): Promise<Float32Array | undefined> {
  const bytes = await readFile(pathOf(folder, key)).catch(() => undefined)
  if (bytes === undefined || bytes.length !== headBytes + 8 * count + digestBytes) return undefined
  const end = bytes.length - digestBytes
  if (!bytes.subarray(0, headBytes).equals(headOf(key, count))) return undefined
  if (!sha256(bytes.subarray(0, end)).equals(bytes.subarray(end))) return undefined
  return new Float32Array(Uint8Array.from(bytes.subarray(headBytes, end)).buffer)
}
