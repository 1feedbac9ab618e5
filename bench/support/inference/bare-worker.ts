// A thread that does nothing but run a model: told how many runs of how many crops, it answers when they are done.
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { cropBytes, cropSide } from '../../../services/shared/inspection/crop.ts'
import { countRun } from './run-cost.ts'

export interface BareRuns {
  readonly runs: number
  readonly batch: number
}

const session = await InferenceSession.create(workerData as string, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
})

parentPort!.on('message', async ({ runs, batch }: BareRuns) => {
  const pixels = new Uint8Array(batch * cropBytes).fill(128)
  for (let run = 0; run < runs; run += 1) {
    const crops = new Tensor('uint8', pixels, [batch, 1, cropSide, cropSide])
    await countRun(() => session.run({ pellet: crops }))
  }
  parentPort!.postMessage('done')
})
