import { createHash } from 'node:crypto'
import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import type { AssembledBatches } from './assemble-batches.ts'

/** What the teachers say of the crops that a student is trained on. */
export interface SoftTargets {
  /** Names teachers and what they saw; a training with other ones is another experiment. */
  readonly digest: string
  /** Mean over the teachers of softmax(z / temperature) for each crop of the batches, [steps * batch, 2]. */
  probabilities(batches: AssembledBatches, temperature: number): Promise<Float32Array>
  /** Lets the teachers' models go, where some are loaded. */
  close(): Promise<void>
}

/** One teacher's logits [count, 2] by view: of the crops as they are, or of their eight flips and turns. */
export interface TeacherLogits {
  /** SHA-256 of the teacher's file. */
  readonly teacher: string
  readonly views: readonly Float32Array[]
}

/** Soft targets that were computed once; with one view a crop's judgement stands for all its flips and turns. */
export function createCachedTargets(teachers: readonly TeacherLogits[]): SoftTargets {
  return {
    digest: digestOf(
      'cached',
      teachers.map(({ teacher, views }) => `${teacher} ${views.length}`),
    ),
    probabilities: async ({ indices, turns }, temperature) => {
      const sums = new Float32Array(2 * indices.length)
      for (const { views } of teachers) {
        for (const [place, index] of indices.entries()) {
          const logits = views.length === 1 ? views[0]! : views[turns[place]!]!
          addSoftmax(sums, place, logits[2 * index]!, logits[2 * index + 1]!, temperature, teachers.length)
        }
      }
      return sums
    },
    close: async () => {},
  }
}

/** A teacher's served model: `pellet` to `logits`. */
export interface TeacherModel {
  readonly sha256: string
  readonly bytes: Uint8Array
}

/**
 * Soft targets of the very crops that the student sees, augmentation included: the teachers judge every batch anew. Their models
 * stay in the worker until `close`.
 */
export async function createLiveTargets(worker: GraphWorker, teachers: readonly TeacherModel[]): Promise<SoftTargets> {
  const close = async () => {
    for (const { sha256 } of teachers) await worker.release(sha256)
  }
  try {
    for (const { sha256, bytes } of teachers) await worker.load(sha256, Uint8Array.from(bytes))
  } catch (reason) {
    // What the worker says now would hide why the teacher could not be loaded.
    await close().catch(() => {})
    throw reason
  }
  return {
    digest: digestOf(
      'live',
      teachers.map(({ sha256 }) => sha256),
    ),
    probabilities: async ({ images, indices, steps }, temperature) => {
      const sums = new Float32Array(2 * indices.length)
      const batch = indices.length / steps
      for (const { sha256 } of teachers) {
        for (let first = 0; first < indices.length; first += batch) {
          const data = images.slice(first * cropBytes, (first + batch) * cropBytes)
          const { logits } = await worker.run({
            model: sha256,
            feeds: { pellet: { type: 'uint8', dims: [batch, 1, cropSide, cropSide], data } },
            keep: {},
            fetch: ['logits'],
          })
          const z = logits!.data as Float32Array
          for (let i = 0; i < batch; i++) {
            addSoftmax(sums, first + i, z[2 * i]!, z[2 * i + 1]!, temperature, teachers.length)
          }
        }
      }
      return sums
    },
    close,
  }
}

function addSoftmax(sums: Float32Array, place: number, ok: number, ng: number, temperature: number, teachers: number) {
  const pNg = 1 / (1 + Math.exp((ok - ng) / temperature))
  sums[2 * place]! += (1 - pNg) / teachers
  sums[2 * place + 1]! += pNg / teachers
}

function digestOf(kind: string, teachers: readonly string[]): string {
  return createHash('sha256')
    .update([kind, ...teachers].join('\n'))
    .digest('hex')
}
