// Bare ONNX Runtime as a process of its own: arguments MODEL.onnx and threads; one message a run, answered by its figures.
import process from 'node:process'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { cropSide } from '../../../services/shared/inspection/crop.ts'
import { quantile } from '../measure.ts'
import { drawCrops } from './requests.ts'

/** Runs of one size, one after the other. */
export interface BareTask {
  readonly batch: number
  readonly seconds: number
}

export interface BareFigures {
  readonly cropsPerSecond: number
  readonly p50Ms: number
}

const warmUpMs = 300
const [modelPath, threads] = [process.argv[2]!, Number(process.argv[3])]
const session = await InferenceSession.create(modelPath, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
})

async function run({ batch, seconds }: BareTask): Promise<BareFigures> {
  const crops = new Tensor('uint8', drawCrops(batch, 100), [batch, 1, cropSide, cropSide])
  const times: number[] = []
  const turn = async (forMs: number, kept: boolean) => {
    const until = performance.now() + forMs
    while (performance.now() < until) {
      const began = performance.now()
      await session.run({ pellet: crops }, ['logits'])
      if (kept) times.push(performance.now() - began)
    }
  }
  await turn(warmUpMs, false)
  const began = performance.now()
  await turn(seconds * 1000, true)
  return {
    cropsPerSecond: (1000 * times.length * batch) / (performance.now() - began),
    p50Ms: quantile(times, 0.5),
  }
}

process.on('message', (task: BareTask) => {
  run(task).then(
    (figures) => process.send!({ figures }),
    (reason) => process.send!({ failure: PelletlineError.from(reason).message }),
  )
})
