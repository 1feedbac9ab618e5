// The worker thread of the inference pool, as it is, but that the processor time of its runs is counted.
import { InferenceSession } from 'onnxruntime-node'
import { countRun } from './run-cost.ts'

type Run = (...args: unknown[]) => Promise<unknown>

const runtime = InferenceSession as unknown as { create(...args: unknown[]): Promise<{ run: Run }> }
const create = runtime.create
runtime.create = async (...args) => {
  const session = await create.apply(runtime, args)
  const run = session.run.bind(session)
  session.run = (...fed) => countRun(() => run(...fed))
  return session
}

await import('../../../services/shared/onnx/inference-pool-worker.ts')
