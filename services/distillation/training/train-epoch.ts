import { type AssembledBatches, assembleBatches } from './assemble-batches.ts'
import type { PartialEpoch } from './checkpoint.ts'
import { classificationLoss } from './classification-loss.ts'
import type { FitOptions } from './fit-network.ts'
import { refuseNotFinite, type TrainingPlace } from './refuse-not-finite.ts'
import type { TrainingSession } from './training-session.ts'

export interface EpochPlan {
  readonly session: TrainingSession
  readonly options: FitOptions
  /** The epoch's first step, counted from 0 over the whole training. */
  readonly first: number
  readonly steps: number
  readonly totalSteps: number
  readonly epoch: number
  readonly rateOf: (step: number) => number
  /** Where an earlier run stopped within this epoch. */
  readonly begun: { readonly step: number; readonly partial: PartialEpoch | undefined }
  /** Where the training stands after so many steps, for messages. */
  readonly placeOf: (step: number) => TrainingPlace
  /** Writes a checkpoint within the epoch, after so many steps. */
  readonly save: (step: number, sums: PartialEpoch) => Promise<void>
}

export interface EpochResult {
  readonly loss: number
  readonly accuracy: number
  readonly seconds: number
}

const nothing: PartialEpoch = { lossSum: 0, right: 0, seen: 0, seconds: 0 }

/** Makes the steps of one epoch that are left of it; a checkpoint is saved whenever the configured time has passed. */
export async function trainEpoch(plan: EpochPlan): Promise<EpochResult> {
  const { session, options, rateOf } = plan
  const { splits, config, onEvent, signal } = options
  const end = plan.first + plan.steps
  let sums = plan.begun.partial ?? nothing
  let saved = performance.now()
  let next: AssembledBatches | undefined = assemble(plan, plan.begun.step, end)
  for (let first = plan.begun.step; next !== undefined; ) {
    signal?.throwIfAborted()
    const batches: AssembledBatches = next
    const labels = Array.from(batches.indices, (index) => splits.train.labels[index]!)
    const rates = Float32Array.from({ length: batches.steps }, (_, i) => rateOf(first + i))
    const started = performance.now()
    const soft = await softTargetsOf(options, batches)
    const running = session.step(batches, first, rates, soft)
    // The next batches are put together while the worker computes.
    const after: number = first + batches.steps
    next = after < end ? assemble(plan, after, end) : undefined
    const results = await running
    for (const [i, loss] of results.losses.entries()) refuseNotFinite('loss', loss, plan.placeOf(first + i + 1))
    const seconds = (performance.now() - started) / 1000
    sums = {
      lossSum: results.losses.reduce((sum, loss) => sum + loss, sums.lossSum),
      right: sums.right + Math.round(classificationLoss(results.logits, labels).accuracy * labels.length),
      seen: sums.seen + labels.length,
      seconds: sums.seconds + seconds,
    }
    first = after
    onEvent({
      kind: 'steps',
      epoch: plan.epoch,
      epochs: config.epochs,
      step: first,
      totalSteps: plan.totalSteps,
      loss: sums.lossSum / (first - plan.first),
      rate: rateOf(first - 1),
      secondsPerStep: seconds / batches.steps,
    })
    if (next !== undefined && performance.now() - saved > 60_000 * config.checkpointMinutes) {
      await plan.save(first, sums)
      saved = performance.now()
    }
  }
  return { loss: sums.lossSum / plan.steps, accuracy: sums.right / sums.seen, seconds: sums.seconds }
}

function assemble({ options, first }: EpochPlan, from: number, end: number): AssembledBatches {
  const { splits, network, config, labelled } = options
  const { seed, batchSize, stepsPerRun } = config
  const batching = { seed, batchSize, augmentation: config.augmentation ?? undefined, labelled }
  // Runs end where they would have ended in an undisturbed epoch.
  const steps = Math.min(stepsPerRun - ((from - first) % stepsPerRun), end - from)
  return assembleBatches(splits.train, network, batching, from, steps)
}

async function softTargetsOf({ config, softTargets }: FitOptions, batches: AssembledBatches) {
  if (config.distillation === null) return undefined
  return softTargets?.probabilities(batches, config.distillation.temperature)
}
