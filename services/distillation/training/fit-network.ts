import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createGraphWorker, type GraphWorkerOptions } from '../../shared/onnx/graph-worker.ts'
import { countMultiplyAdds, countParameters } from '../networks/count-costs.ts'
import type { Network } from '../networks/network.ts'
import { type AssembledBatches, assembleBatches, stepsPerEpoch } from './assemble-batches.ts'
import { checkChannels } from './check-channels.ts'
import {
  type Checkpoint,
  type CheckpointHeader,
  type EpochRecord,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts'
import { classificationLoss } from './classification-loss.ts'
import { learningRate } from './learning-rate.ts'
import { probeBackend } from './probe-backend.ts'
import { differingKeys, type TrainConfig } from './train-config.ts'
import type { Standardisation } from './train-graph.ts'
import type { OnTrainingEvent } from './training-events.ts'
import { openTrainingSession, type TrainingSession } from './training-session.ts'

export interface FitOptions {
  readonly network: Network
  readonly splits: CropSplits
  readonly config: TrainConfig
  /** Existing folder for `last.checkpoint` and `best.checkpoint`. */
  readonly outDir: string
  /** Go on from the folder's last checkpoint; without it a folder that holds one is refused. */
  readonly resume: boolean
  readonly onEvent: OnTrainingEvent
  readonly signal?: AbortSignal | undefined
}

export interface FitResult {
  readonly history: readonly EpochRecord[]
  readonly standardisation: Standardisation
  /** The state of the best epoch on the validation part. */
  readonly best: Checkpoint
}

/**
 * Trains a network. The result depends on data, configuration and seed only, and is the same whether or not the run was
 * interrupted and resumed. `failed_precondition` where a checkpoint is of another experiment (the differing keys are
 * named), `invalid_argument` where the runtime cannot train such widths, `internal` where the loss is no longer finite (step, rate and last good checkpoint are named), `cancelled` on
 * abort.
 */
export async function fitNetwork(options: FitOptions): Promise<FitResult> {
  const { network, splits, config, outDir, onEvent, signal } = options
  const paths = { last: join(outDir, 'last.checkpoint'), best: join(outDir, 'best.checkpoint') }

  // 1. The experiment: data, length, learning rates.
  const standardisation = fitStandardisation(splits.train)
  const perEpoch = stepsPerEpoch(splits.train.count, config.batchSize)
  const totalSteps = perEpoch * config.epochs
  const length = { baseRate: config.baseRate, totalSteps, stepsPerEpoch: perEpoch }
  const rateOf = (step: number) => learningRate(config.schedule, length, step)
  const header: CheckpointHeader = {
    network: network.name,
    config,
    data: { train: splits.train.digest, val: splits.val.digest, test: splits.test.digest },
    standardisation,
    step: 0,
    history: [],
    bestEpoch: 0,
  }

  // 2. Where an earlier run stopped.
  const resumed = await findResumable(paths.last, header, options.resume)
  let { step, history, bestEpoch } = resumed?.header ?? header

  // 3. The training graph, in a worker thread.
  const worker = createGraphWorker(workerOptions(config))
  try {
    const backend = await probeBackend(worker)
    checkChannels(network, backend)
    const { beta1, beta2, epsilon, batchSize, seed } = config
    const session = await openTrainingSession(
      worker,
      network,
      { backend, batchSize, standardisation, adam: { beta1, beta2, epsilon } },
      seed,
    )
    onEvent({
      kind: 'started',
      network: network.name,
      parameters: countParameters(network),
      multiplyAdds: countMultiplyAdds(network),
      trainCount: splits.train.count,
      totalSteps,
      threads: worker.threads,
      blockSize: backend.blockSize,
    })
    if (resumed !== undefined) {
      await session.writeState(resumed.tensors)
      onEvent({ kind: 'resumed', epoch: history.length })
    }

    while (step < totalSteps) {
      const epoch = history.length + 1
      const started = performance.now()

      // 4. One epoch of steps.
      const train = await trainEpoch(session, options, {
        first: step,
        steps: perEpoch,
        totalSteps,
        epoch,
        rateOf,
        paths,
      })
      step += perEpoch

      // 5. The validation part.
      const val = classificationLoss(await session.evaluate(splits.val, signal), splits.val.labels)
      const record: EpochRecord = {
        epoch,
        loss: train.loss,
        accuracy: train.accuracy,
        valLoss: val.loss,
        valAccuracy: val.accuracy,
        rate: rateOf(step - 1),
        seconds: (performance.now() - started) / 1000,
      }
      const best = isBetter(record, history[bestEpoch - 1], config.keepBest)
      history = [...history, record]
      if (best) bestEpoch = epoch

      // 6. Checkpoints: the best epoch's values before the state that says which epoch was best.
      const written = { ...header, step, history, bestEpoch }
      if (best) await writeCheckpoint(paths.best, { header: written, tensors: await session.readState('values') })
      await writeCheckpoint(paths.last, { header: written, tensors: await session.readState('all') })
      onEvent({ kind: 'epoch', epochs: config.epochs, record, best })
    }
    return { history, standardisation, best: await readCheckpoint(paths.best) }
  } finally {
    await worker.close()
  }
}

function workerOptions({ threads, spinning }: TrainConfig): GraphWorkerOptions {
  return threads === undefined ? { spinning } : { threads, spinning }
}

interface EpochPlan {
  readonly first: number
  readonly steps: number
  readonly totalSteps: number
  readonly epoch: number
  readonly rateOf: (step: number) => number
  readonly paths: { readonly last: string }
}

async function trainEpoch(session: TrainingSession, options: FitOptions, plan: EpochPlan) {
  const { network, splits, config, onEvent, signal } = options
  const end = plan.first + plan.steps
  const { seed, batchSize } = config
  const batching = { seed, batchSize, augmentation: config.augmentation ?? undefined }
  const assemble = (first: number) =>
    assembleBatches(splits.train, network, batching, first, Math.min(config.stepsPerRun, end - first))
  let loss = 0
  let right = 0
  let seen = 0
  let next: AssembledBatches | undefined = assemble(plan.first)
  for (let first = plan.first; next !== undefined; ) {
    signal?.throwIfAborted()
    const batches: AssembledBatches = next
    const labels = Array.from(batches.indices, (index) => splits.train.labels[index]!)
    const rates = Float32Array.from({ length: batches.steps }, (_, i) => plan.rateOf(first + i))
    const started = performance.now()
    const running = session.step(batches, first, rates)
    // The next batches are put together while the worker computes.
    const after: number = first + batches.steps
    next = after < end ? assemble(after) : undefined
    const results = await running
    refuseNotFinite(results.losses, first, plan)
    for (const value of results.losses) loss += value
    right += classificationLoss(results.logits, labels).accuracy * labels.length
    seen += labels.length
    first = after
    onEvent({
      kind: 'steps',
      epoch: plan.epoch,
      epochs: config.epochs,
      step: first,
      totalSteps: plan.totalSteps,
      loss: loss / (first - plan.first),
      rate: plan.rateOf(first - 1),
      secondsPerStep: (performance.now() - started) / 1000 / batches.steps,
    })
  }
  return { loss: loss / plan.steps, accuracy: right / seen }
}

function refuseNotFinite(losses: Float32Array, first: number, { rateOf, paths, epoch }: EpochPlan): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss))
  if (bad < 0) return
  const checkpoint = epoch > 1 ? `the last good state is ${paths.last}` : 'there is no good checkpoint yet'
  throw new PelletlineError(
    'internal',
    `the loss is ${losses[bad]} at step ${first + bad + 1} (epoch ${epoch}, learning rate ${rateOf(first + bad)}); ` +
      `${checkpoint}: train with a lower base rate or a longer warm-up`,
  )
}

/** Mean and deviation of all gray values of the training part. */
function fitStandardisation({ pixels, source }: CropDataset): Standardisation {
  const histogram = new Float64Array(256)
  for (const value of pixels) histogram[value]!++
  const moment = (power: number) => histogram.reduce((sum, n, value) => sum + n * value ** power, 0) / pixels.length
  const mean = moment(1)
  const deviation = Math.sqrt(Math.max(moment(2) - mean ** 2, 0))
  if (!(deviation > 0)) {
    throw new PelletlineError(
      'invalid_argument',
      `${source}: all pixels of the training part are equal: check the images`,
    )
  }
  return { mean, deviation }
}

function isBetter(record: EpochRecord, best: EpochRecord | undefined, by: TrainConfig['keepBest']): boolean {
  if (best === undefined) return true
  if (by === 'accuracy' && record.valAccuracy !== best.valAccuracy) return record.valAccuracy > best.valAccuracy
  return record.valLoss < best.valLoss
}

async function findResumable(path: string, header: CheckpointHeader, resume: boolean): Promise<Checkpoint | undefined> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (!exists) return undefined
  if (!resume) {
    throw new PelletlineError(
      'already_exists',
      `${path} holds an earlier training: resume it, or choose another output folder`,
    )
  }
  const found = await readCheckpoint(path)
  const other = found.header
  const differing = [
    ...(other.network === header.network ? [] : ['network']),
    ...(['train', 'val', 'test'] as const)
      .filter((part) => other.data[part] !== header.data[part])
      .map((part) => `data.${part}`),
    ...differingKeys(other.config, header.config),
  ]
  if (differing.length > 0) {
    throw new PelletlineError(
      'failed_precondition',
      `${path} belongs to another experiment; it differs in ${differing.join(', ')}: ` +
        'resume with the same data and configuration, or choose another output folder',
      { violations: differing.map((field) => ({ field, description: 'differs from the checkpoint' })) },
    )
  }
  return found
}
