import type { EpochRecord } from './checkpoint.ts'
import { restartSteps, type ScheduleLength } from './learning-rate.ts'
import type { TrainConfig } from './train-config.ts'

/**
 * Whether the epochs since the best one, or since the schedule last started again, have used up the patience: after a warm
 * restart the rate is high, so that a better epoch is not to be expected at once. Without a kept best one the loss decides.
 */
export function shouldStop(
  history: readonly EpochRecord[],
  bestEpoch: number,
  { earlyStopping, keepBest, schedule }: Pick<TrainConfig, 'earlyStopping' | 'keepBest' | 'schedule'>,
  length: Pick<ScheduleLength, 'totalSteps' | 'stepsPerEpoch'>,
): boolean {
  if (earlyStopping === null) return false
  const best = keepBest === 'none' ? epochOfLowestLoss(history) : bestEpoch
  const done = history.length * length.stepsPerEpoch
  const restart = restartSteps(schedule, length).findLast((step) => step < done) ?? 0
  return history.length - Math.max(best, Math.floor(restart / length.stepsPerEpoch)) >= earlyStopping.patience
}

function epochOfLowestLoss(history: readonly EpochRecord[]): number {
  return history.reduce(
    (best, record) => (record.valLoss < (history[best - 1]?.valLoss ?? Infinity) ? record.epoch : best),
    0,
  )
}
