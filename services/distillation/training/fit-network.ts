import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createGraphWorker, type GraphWorkerOptions } from '../../shared/onnx/graph-worker.ts'
import { countMultiplyAdds, countParameters } from '../networks/count-costs.ts'
import type { Network } from '../networks/network.ts'
import { stepsPerEpoch } from './assemble-batches.ts'
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
import { refuseBrokenState, refuseNotFinite } from './refuse-not-finite.ts'
import { shouldStop } from './should-stop.ts'
import type { SoftTargets } from './soft-targets.ts'
import { differingKeys, type TrainConfig } from './train-config.ts'
import { trainEpoch } from './train-epoch.ts'
import type { Standardisation } from './train-graph.ts'
import type { OnTrainingEvent } from './training-events.ts'
import { openTrainingSession } from './training-session.ts'
import { type StartModel, unfoldModel } from './unfold-model.ts'

export interface FitOptions {
  readonly network: Network
  readonly splits: CropSplits
  readonly config: TrainConfig
  /** Existing folder for `last.checkpoint` and `best.checkpoint`. */
  readonly outDir: string
  /** Go on from the folder's last checkpoint; without it a folder that holds one is refused. */
  readonly resume: boolean
  /** What the teachers say; needed where the configuration distils. */
  readonly softTargets?: SoftTargets | undefined
  /** 1 for each training crop whose label may be used; default: all. */
  readonly labelled?: Uint8Array | undefined
  /** The model that `config.startFrom` names; needed where it names one. */
  readonly start?: FitStart | undefined
  readonly onEvent: OnTrainingEvent
  readonly signal?: AbortSignal | undefined
}

/** A served model to go on from. */
export interface FitStart extends StartModel {
  /** SHA-256 of its file, hex. */
  readonly sha256: string
  readonly standardisation: Standardisation
}

export interface FitResult {
  readonly history: readonly EpochRecord[]
  readonly standardisation: Standardisation
  /** The state of the best epoch on the validation part. */
  readonly best: Checkpoint
}

/**
 * Trains a network. The result depends on data, configuration, teachers and seed only, and is the same whether or not the
 * run was interrupted and resumed. `failed_precondition` where a checkpoint is of another experiment (the differing keys
 * are named) or the loss or the state is no longer finite (step, rate and last good checkpoint are named), or the model to start from is of another network, `data_loss`
 * where the best epoch's values are lost, `invalid_argument` where the runtime cannot train such widths or distillation has
 * no teachers, `cancelled` on abort.
 */
export async function fitNetwork(options: FitOptions): Promise<FitResult> {
  const { network, splits, config, outDir, onEvent, signal } = options
  const paths = { last: join(outDir, 'last.checkpoint'), best: join(outDir, 'best.checkpoint') }

  // 1. The experiment: data, length, learning rates.
  const standardisation = options.start?.standardisation ?? fitStandardisation(splits.train)
  const perEpoch = stepsPerEpoch(splits.train.count, config.batchSize)
  const totalSteps = perEpoch * config.epochs
  const length = { baseRate: config.baseRate, totalSteps, stepsPerEpoch: perEpoch }
  const header: CheckpointHeader = {
    network: network.name,
    config,
    data: {
      train: splits.train.digest,
      val: splits.val.digest,
      test: splits.test.digest,
      ...describeTeaching(options),
      ...describeStart(options),
    },
    standardisation,
    step: 0,
    history: [],
    bestEpoch: 0,
  }

  // 2. Where an earlier run stopped.
  const resumed = await findResumable(paths.last, header, options.resume)
  let { step, history, bestEpoch, partial } = resumed?.header ?? header
  const ended = () => step >= totalSteps || (partial === undefined && shouldStop(history, bestEpoch, config, length))
  if (resumed !== undefined) onEvent({ kind: 'resumed', epoch: history.length, step })
  // Read before the training too: a damaged one should not come to light after hours.
  if (bestEpoch > 0) {
    const best = await readBest(paths)
    if (ended()) return { history, standardisation, best }
  }

  // 3. The training graph, in a worker thread.
  const worker = createGraphWorker(workerOptions(config))
  try {
    const backend = await probeBackend(worker)
    checkChannels(network, backend)
    const { beta1, beta2, epsilon, batchSize, seed, distillation } = config
    const adam = { beta1, beta2, epsilon }
    const graph = { backend, batchSize, standardisation, adam, ...(distillation !== null && { distillation }) }
    const session = await openTrainingSession(worker, network, graph, seed)
    if (resumed === undefined && options.start !== undefined) {
      await session.startAt(await unfoldModel(network, options.start, { worker, crops: splits.train, signal }))
    }
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
    if (resumed !== undefined) await session.writeState(resumed.tensors)
    let good = resumed === undefined ? undefined : paths.last

    while (!ended()) {
      const epoch = history.length + 1
      const valLosses = history.map(({ valLoss }) => valLoss)
      const rateOf = (at: number) => learningRate(config.schedule, length, at, valLosses)
      const placeOf = (done: number) => ({ step: done, epoch, rate: rateOf(done - 1), checkpoint: good })
      const save = async (state: CheckpointHeader, keepAsBest: boolean) => {
        const tensors = await session.readState('all')
        refuseBrokenState(tensors, placeOf(state.step))
        // The best epoch's values before the state that says which epoch was best.
        if (keepAsBest) await writeCheckpoint(paths.best, { header: state, tensors: await session.readState('values') })
        await writeCheckpoint(paths.last, { header: state, tensors })
        good = paths.last
      }

      // 4. One epoch of steps, or what is left of it.
      const plan = { session, options, first: (epoch - 1) * perEpoch, steps: perEpoch, totalSteps, epoch, rateOf }
      const train = await trainEpoch({
        ...plan,
        placeOf,
        begun: { step, partial },
        save: (at, sums) => save({ ...header, step: at, history, bestEpoch, partial: sums }, false),
      })
      step = epoch * perEpoch
      partial = undefined

      // 5. The validation part.
      const judged = performance.now()
      const val = classificationLoss(await session.evaluate(splits.val, signal), splits.val.labels)
      // The epoch's last step may have broken the weights: they must not take the place of a good checkpoint.
      refuseNotFinite('validation loss', val.loss, placeOf(step))
      const record: EpochRecord = {
        epoch,
        loss: train.loss,
        accuracy: train.accuracy,
        valLoss: val.loss,
        valAccuracy: val.accuracy,
        rate: rateOf(step - 1),
        seconds: train.seconds + (performance.now() - judged) / 1000,
      }
      const best = isBetter(record, history[bestEpoch - 1], config.keepBest)
      history = [...history, record]
      if (best) bestEpoch = epoch

      // 6. Checkpoints.
      await save({ ...header, step, history, bestEpoch }, best)
      onEvent({ kind: 'epoch', epochs: config.epochs, record, best })
    }
    return { history, standardisation, best: await readBest(paths) }
  } finally {
    await worker.close()
  }
}

function workerOptions({ threads, spinning }: TrainConfig): GraphWorkerOptions {
  return threads === undefined ? { spinning } : { threads, spinning }
}

/** Digest of what beside the crops and their labels decides the training; none where it is neither taught nor short of labels. */
function describeTeaching({ config, softTargets, labelled }: FitOptions): { readonly soft?: string } {
  if (config.distillation !== null && softTargets === undefined) {
    throw new PelletlineError(
      'invalid_argument',
      'distillation needs teachers: run the distill command, or set distillation to null',
    )
  }
  if (config.distillation === null && labelled === undefined) return {}
  const hash = createHash('sha256').update(softTargets?.digest ?? '')
  return { soft: hash.update(labelled ?? '').digest('hex') }
}

/** Digest of the model that the training starts from; none where it starts from random weights. */
function describeStart({ config, start }: FitOptions): { readonly start?: string } {
  if ((config.startFrom === undefined) !== (start === undefined)) {
    throw new PelletlineError('internal', 'a training starts from the model that its configuration names, or from none')
  }
  return start === undefined ? {} : { start: start.sha256 }
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
  if (best === undefined || by === 'none') return true
  if (by === 'accuracy' && record.valAccuracy !== best.valAccuracy) return record.valAccuracy > best.valAccuracy
  return record.valLoss < best.valLoss
}

/** The best epoch's values; without them the state after the last epoch is of no use. */
async function readBest({ best, last }: Readonly<Record<'best' | 'last', string>>): Promise<Checkpoint> {
  return readCheckpoint(best).catch((cause) => {
    const { code } = PelletlineError.from(cause)
    if (code !== 'not_found' && code !== 'data_loss') throw cause
    const what = code === 'not_found' ? 'is missing' : 'is damaged'
    throw new PelletlineError('data_loss', `${best} ${what}: restore it, or delete ${last} too to train anew`, {
      cause,
    })
  })
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
    ...(['train', 'val', 'test', 'soft', 'start'] as const)
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
