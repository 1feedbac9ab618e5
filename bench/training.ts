// Time of one training step of each network: ONNX Runtime's own convolution layout against the ordinary one.
import { createNetwork, type NetworkName, networkNames } from '../services/distillation/index.ts'
import { assembleBatches } from '../services/distillation/training/assemble-batches.ts'
import { probeBackend } from '../services/distillation/training/probe-backend.ts'
import { openTrainingSession } from '../services/distillation/training/training-session.ts'
import { simulateCrops } from '../services/line-simulator/index.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import type { CropDataset } from '../services/shared/dataset/crop-dataset.ts'
import { createGraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { interleave, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, steps: 2, batch: 64 })
  const { rounds, steps, batch } = numbers
  const crops = await simulateCrops({ count: 2 * batch, ngShare: 0.5, seed: 1, variety: 'line', createSegmenter })
  const figures: Figure[] = []
  const ratios: Ratio[] = []
  let facts = {}
  for (const name of networkNames) {
    const { fast, plain, blockSize, threads } = await measureNetwork(name, crops, { rounds, steps, batch })
    const inSeconds = (times: readonly number[]) => spreadOf(times.map((ms) => ms / 1000 / steps))
    figures.push({ what: `${name}, fast layout`, unit: 's/step', spread: inSeconds(fast) })
    figures.push({ what: `${name}, plain layout`, unit: 's/step', spread: inSeconds(plain) })
    ratios.push({ what: `${name}, speed of the fast layout`, against: 'plain layout', spread: ratioOf(plain, fast) })
    facts = { 'channels per block of the fast layout': blockSize, threads }
  }
  printReport(
    {
      bench: 'training',
      about:
        `one step (forward, backward, Adam) at batch ${batch}. Fast: the layout that the runtime was found to offer, the one that ` +
        'training uses. Plain: the same graph in the ordinary layout.',
      rounds,
      figures,
      ratios,
      facts,
    },
    json,
  )
})

async function measureNetwork(
  name: NetworkName,
  crops: CropDataset,
  { rounds, steps, batch }: { readonly rounds: number; readonly steps: number; readonly batch: number },
) {
  const network = createNetwork(name)
  const workers = [createGraphWorker(), createGraphWorker()] as const
  try {
    const backend = await probeBackend(workers[0])
    const open = async (worker: (typeof workers)[number], blockSize: number) => {
      const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
      const standardisation = { mean: 40, deviation: 60 }
      const options = { backend: { ...backend, blockSize }, batchSize: batch, standardisation, adam }
      const session = await openTrainingSession(worker, network, options, 1)
      let done = 0
      return async () => {
        const batching = { seed: 1, batchSize: batch, augmentation: undefined }
        const batches = assembleBatches(crops, network, batching, done, steps)
        await session.step(batches, done, new Float32Array(steps).fill(1e-4))
        done += steps
      }
    }
    const times = await interleave(
      [
        { name: 'fast', run: await open(workers[0], backend.blockSize) },
        { name: 'plain', run: await open(workers[1], 1) },
      ],
      rounds,
    )
    const [fast, plain] = [times.get('fast')!, times.get('plain')!]
    return { fast, plain, blockSize: backend.blockSize, threads: workers[0].threads }
  } finally {
    await Promise.all(workers.map((worker) => worker.close()))
  }
}
