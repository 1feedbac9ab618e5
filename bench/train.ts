// Time of one training step of each network: ONNX Runtime's own convolution layout against the ordinary one, and against
// PyTorch on as many threads.
import process from 'node:process'
import { createNetwork, networkNames } from '../services/distillation/index.ts'
import { countParameters } from '../services/distillation/networks/count-costs.ts'
import type { Network } from '../services/distillation/networks/network.ts'
import { assembleBatches } from '../services/distillation/training/assemble-batches.ts'
import { probeBackend } from '../services/distillation/training/probe-backend.ts'
import { openTrainingSession } from '../services/distillation/training/training-session.ts'
import { simulateCrops } from '../services/line-simulator/index.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import type { CropDataset } from '../services/shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { cropSide } from '../services/shared/inspection/crop.ts'
import { createGraphWorker, type GraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { installPytorch } from './support/install-pytorch.ts'
import { type Contestant, interleave, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport, type Ratio } from './support/print-report.ts'
import type { PythonInstallation } from './support/python-environment.ts'
import { openPytorchStep, type PytorchStep } from './support/pytorch-step.ts'

interface Amounts {
  readonly rounds: number
  readonly steps: number
  readonly batch: number
}

const contestants = ['fast layout', 'plain layout', 'PyTorch', 'PyTorch, channels last'] as const

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, steps: 2, batch: 64 })
  const crops = await simulateCrops({
    count: 2 * numbers.batch,
    ngShare: 0.5,
    seed: 1,
    variety: 'line',
    createSegmenter,
  })
  const pytorch = await installPytorch()
  if ('reason' in pytorch) process.stderr.write(`Not compared with PyTorch: ${pytorch.reason}.\n`)
  const networks = [
    ...networkNames.map((name) => ({ name: name as string, network: createNetwork(name) })),
    { name: 'student 1x1-3x3-1x1', network: createNetwork('student', { block: '1x1-3x3-1x1' }) },
  ]
  const figures: Figure[] = []
  const ratios: Ratio[] = []
  let facts = {}
  for (const { name, network } of networks) {
    const { times, ...found } = await measureNetwork(network, crops, pytorch, numbers)
    for (const contestant of contestants) {
      const measured = times.get(contestant)
      if (measured === undefined) continue
      const seconds = measured.map((ms) => ms / 1000 / numbers.steps)
      figures.push({ what: `${name}, ${contestant}`, unit: 's/step', spread: spreadOf(seconds) })
      if (contestant === 'fast layout') continue
      ratios.push({ what: `${name}, time`, against: contestant, spread: ratioOf(times.get('fast layout')!, measured) })
    }
    facts = found
  }
  printReport(
    {
      bench: 'train',
      about:
        `one step (forward, backward, Adam) at batch ${numbers.batch}. Fast: the layout that the runtime was found to offer, the ` +
        'one that training uses. Plain: the same graph in the ordinary layout. PyTorch: the same network layer for layer, its ' +
        'fused Adam, in either of its layouts. Ratios are times: below 1 the fast layout is the faster one.',
      rounds: numbers.rounds,
      figures,
      ratios,
      facts: { ...facts, ...('reason' in pytorch ? { PyTorch: `not compared: ${pytorch.reason}` } : {}) },
    },
    json,
  )
})

async function measureNetwork(network: Network, crops: CropDataset, pytorch: PythonInstallation, amounts: Amounts) {
  const { rounds, steps, batch } = amounts
  const workers = [createGraphWorker(), createGraphWorker()] as const
  const others: PytorchStep[] = []
  try {
    const { threads } = workers[0]
    const { blockSize } = await probeBackend(workers[0])
    const running: Contestant[] = [
      { name: 'fast layout', run: await openOwnStep(workers[0], network, blockSize, crops, amounts) },
      { name: 'plain layout', run: await openOwnStep(workers[1], network, 1, crops, amounts) },
    ]
    for (const channelsLast of 'python' in pytorch ? [false, true] : []) {
      const { python } = pytorch as { python: string }
      const step = await openPytorchStep(python, network, { side: cropSide, batch, threads, channelsLast })
      others.push(step)
      if (step.parameters !== countParameters(network)) {
        const counts = `${step.parameters} parameters in PyTorch, ${countParameters(network)} here`
        throw new PelletlineError('internal', `${network.name} has ${counts}: mend bench/support/pytorch_step.py`)
      }
      running.push({ name: channelsLast ? 'PyTorch, channels last' : 'PyTorch', run: () => step.run(steps) })
    }
    const version = others[0] === undefined ? {} : { PyTorch: others[0].version }
    return {
      times: await interleave(running, rounds),
      'channels per block of the fast layout': blockSize,
      threads,
      ...version,
    }
  } finally {
    for (const step of others) step.close()
    await Promise.all(workers.map((worker) => worker.close()))
  }
}

async function openOwnStep(
  worker: GraphWorker,
  network: Network,
  blockSize: number,
  crops: CropDataset,
  { steps, batch }: Amounts,
): Promise<() => Promise<void>> {
  const session = await openTrainingSession(
    worker,
    network,
    {
      backend: { real: 'float32', blockSize },
      batchSize: batch,
      standardisation: { mean: 40, deviation: 60 },
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    1,
  )
  let done = 0
  return async () => {
    const batching = { seed: 1, batchSize: batch, augmentation: undefined }
    const batches = assembleBatches(crops, network, batching, done, steps)
    await session.step(batches, done, new Float32Array(steps).fill(1e-4))
    done += steps
  }
}
