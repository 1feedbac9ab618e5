import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import type { TrainConfig } from './train-config.ts'
import type { Standardisation } from './train-graph.ts'

/** One epoch of the history. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number
  readonly loss: number
  readonly accuracy: number
  readonly valLoss: number
  readonly valAccuracy: number
  /** Learning rate of the epoch's last step. */
  readonly rate: number
  readonly seconds: number
}

/** Everything but the numbers. */
export interface CheckpointHeader {
  readonly network: string
  readonly config: TrainConfig
  /** Digests of the three parts, of teachers and labels used, where distilled, and of the model that it started from. */
  readonly data: {
    readonly train: string
    readonly val: string
    readonly test: string
    readonly soft?: string
    readonly start?: string
  }
  readonly standardisation: Standardisation
  /** Steps done. */
  readonly step: number
  readonly history: readonly EpochRecord[]
  readonly bestEpoch: number
  /** The epoch under way, where the checkpoint was written within one. */
  readonly partial?: PartialEpoch
}

/** Sums of an epoch that has begun. */
export interface PartialEpoch {
  readonly lossSum: number
  readonly right: number
  readonly seen: number
  readonly seconds: number
}

/** A training's state by tensor name: parameter values, and for a resumable one Adam's moments. */
export interface Checkpoint {
  readonly header: CheckpointHeader
  readonly tensors: ReadonlyMap<string, Float32Array>
}

// Layout: 8 bytes of magic with the format's version, uint32 length of the JSON, JSON ({ header, tensors: [name, count] }),
// the tensors' float32 in that order (all little-endian), SHA-256 of all before.
const magic = 'PLCKPT\u0000\u0002'
const digestBytes = 32

/** Writes a checkpoint atomically: a reader finds the old one or the new one, whole. */
export async function writeCheckpoint(path: string, { header, tensors }: Checkpoint): Promise<void> {
  const table = [...tensors].map(([name, data]) => [name, data.length])
  const json = Buffer.from(JSON.stringify({ header, tensors: table }))
  const start = Buffer.alloc(12)
  start.write(magic, 'latin1')
  start.writeUInt32LE(json.length, 8)
  const chunks: Uint8Array[] = [start, json]
  for (const data of tensors.values()) chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  await writeFileAtomically(path, [...chunks, hash.digest()])
}

/**
 * Reads a checkpoint; `not_found` where there is none, `failed_precondition` where it may not be read, `data_loss` where it is
 * damaged or of another format.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') {
      throw new PelletlineError('not_found', `there is no checkpoint ${path}: restore it`, { cause })
    }
    const message = `checkpoint ${path} cannot be read (${cause.code}): check who may read it`
    throw new PelletlineError('failed_precondition', message, { cause })
  })
  const damaged = (what: string) =>
    new PelletlineError('data_loss', `checkpoint ${path} ${what}: delete it and start anew, or restore a copy`)
  if (bytes.length < 12 + digestBytes || bytes.toString('latin1', 0, 8) !== magic) {
    throw damaged('is not a checkpoint of this format')
  }
  const body = bytes.subarray(0, bytes.length - digestBytes)
  if (
    !createHash('sha256')
      .update(body)
      .digest()
      .equals(bytes.subarray(bytes.length - digestBytes))
  ) {
    throw damaged('is damaged (its digest does not match)')
  }
  const jsonEnd = 12 + body.readUInt32LE(8)
  const { header, tensors: table } = JSON.parse(body.toString('utf8', 12, jsonEnd)) as {
    header: CheckpointHeader
    tensors: [string, number][]
  }
  const tensors = new Map<string, Float32Array>()
  let at = jsonEnd
  for (const [name, count] of table) {
    tensors.set(name, new Float32Array(Uint8Array.from(body.subarray(at, at + 4 * count)).buffer))
    at += 4 * count
  }
  return { header, tensors }
}
