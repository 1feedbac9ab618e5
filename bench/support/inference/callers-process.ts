// The callers of the student as a process of their own: one message a load, answered by its figures.
import process from 'node:process'
import { StudentInferenceService } from '../../../services/gen/pelletline/inference/v1/inference_pb.ts'
import { cropBytes } from '../../../services/shared/inspection/crop.ts'
import { createRpcClient } from '../../../services/shared/rpc/create-rpc-client.ts'
import { answerTasks } from './answer-tasks.ts'

/** Callers that each send their next request when the last one is answered, until all are sent. */
export interface CallersTask {
  readonly address: string
  readonly callers: number
  readonly requests: number
  /** Of one request; with 1 the call for a single crop is made. */
  readonly crops: number
}

export interface CallersFigures {
  readonly ms: number
  /** Processor time of this process. */
  readonly cpuUs: number
  /** Time to each answer, ms. */
  readonly waits: readonly number[]
}

answerTasks(async ({ address, callers, requests, crops }: CallersTask): Promise<CallersFigures> => {
  const client = createRpcClient(StudentInferenceService, { address })
  try {
    const crop = new Uint8Array(cropBytes).fill(128)
    const many = Array.from({ length: crops }, () => crop)
    const send = () => (crops === 1 ? client.classifyCrop({ crop }) : client.classifyCrops({ crops: many }))
    // Connects.
    await send()
    const waits: number[] = []
    let left = requests
    const call = async () => {
      while (left > 0) {
        left--
        const sent = performance.now()
        await send()
        waits.push(performance.now() - sent)
      }
    }
    const [used, began] = [process.cpuUsage(), performance.now()]
    await Promise.all(Array.from({ length: callers }, call))
    const { user, system } = process.cpuUsage(used)
    return { ms: performance.now() - began, cpuUs: user + system, waits }
  } finally {
    client.close()
  }
})
