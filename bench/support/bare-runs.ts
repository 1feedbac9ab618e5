import { cropBytes, cropSide } from '../../services/shared/inspection/crop.ts'
import { createGraphWorker, type GraphWorker } from '../../services/shared/onnx/graph-worker.ts'
import type { FoundStudent } from './find-student.ts'

/** ONNX Runtime alone: the student's file in worker threads, without service, batcher or rpc. */
export interface BareStudent {
  /** Judges `crops` crops in runs of `batch`, spread over the workers; each always has its next run waiting. */
  run(crops: number, batch: number): Promise<void>
  close(): Promise<void>
}

/** Loads the student into `workers` threads with a session of one thread each. */
export async function createBareStudent(student: FoundStudent, workers: number): Promise<BareStudent> {
  const threads = Array.from({ length: workers }, () => createGraphWorker({ threads: 1 }))
  for (const thread of threads) await thread.load('student', await student.readBytes())
  return {
    async run(crops, batch) {
      let left = Math.ceil(crops / batch)
      const drive = async (thread: GraphWorker) => {
        while (left > 0) {
          left--
          const data = new Uint8Array(batch * cropBytes).fill(128)
          const feeds = { pellet: { type: 'uint8' as const, dims: [batch, 1, cropSide, cropSide], data } }
          await thread.run({ model: 'student', feeds, keep: {}, fetch: ['logits'] })
        }
      }
      await Promise.all(threads.flatMap((thread) => [drive(thread), drive(thread)]))
    },
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()))
    },
  }
}
