// ONNX Runtime alone as a process of its own: arguments MODEL.onnx and threads; one message a turn, answered by its cost.
import { once } from 'node:events'
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { disableRuntimeTelemetry } from '../../../services/shared/config/disable-runtime-telemetry.ts'
import { answerTasks } from './answer-tasks.ts'
import type { BareRuns } from './bare-worker.ts'
import { collectRunCost } from './run-cost.ts'

/** Crops to judge in runs of `batch`, in as many runs by each thread. */
export interface BareTask {
  readonly crops: number
  readonly batch: number
}

export interface BareFigures {
  readonly ms: number
  /** Of the process. */
  readonly cpuUs: number
  /** Of that within `run`. */
  readonly runUs: number
}

const [modelPath, threads] = [process.argv[2]!, Number(process.argv[3])]
disableRuntimeTelemetry()
const readRunCost = collectRunCost()
const workers = Array.from({ length: threads }, () => {
  return new Worker(new URL('./bare-worker.ts', import.meta.url), { workerData: modelPath })
})

answerTasks(async ({ crops, batch }: BareTask): Promise<BareFigures> => {
  const runs = Math.ceil(crops / batch / threads)
  const [ran, used, began] = [readRunCost(), process.cpuUsage(), performance.now()]
  await Promise.all(
    workers.map((worker) => {
      worker.postMessage({ runs, batch } satisfies BareRuns)
      return once(worker, 'message')
    }),
  )
  const { user, system } = process.cpuUsage(used)
  // As much as was asked for, where the runs of the threads come to a little more.
  const share = crops / (runs * threads * batch)
  return {
    ms: share * (performance.now() - began),
    cpuUs: share * (user + system),
    runUs: share * (readRunCost().cpuUs - ran.cpuUs),
  }
})
