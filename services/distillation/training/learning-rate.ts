/** How the learning rate runs over the steps. */
export type Schedule =
  | { readonly kind: 'constant' }
  | {
      readonly kind: 'cosine'
      /** Rate at the first step of the warm-up. */
      readonly warmupRate: number
      /** Length of the warm-up, epochs. */
      readonly warmupEpochs: number
      /** Number of equal cycles, each with its own warm-up: warm restarts. */
      readonly cycles: number
    }

export interface ScheduleLength {
  readonly baseRate: number
  /** Steps of the whole training. */
  readonly totalSteps: number
  readonly stepsPerEpoch: number
}

/**
 * Learning rate of a step, counted from 0. Cosine annealing with linear warm-up (Loshchilov and Hutter, 2017; the paper's
 * section on training): warmup + (base - warmup) * step / warmupSteps, then
 * base / 2 * (1 + cos(pi * (step - warmupSteps) / (cycleSteps - warmupSteps))), with the step counted within its cycle.
 */
export function learningRate(
  schedule: Schedule,
  { baseRate, totalSteps, stepsPerEpoch }: ScheduleLength,
  step: number,
) {
  if (schedule.kind === 'constant') return baseRate
  const cycleSteps = Math.ceil(totalSteps / schedule.cycles)
  const warmupSteps = Math.min(Math.round(schedule.warmupEpochs * stepsPerEpoch), cycleSteps - 1)
  const inCycle = step % cycleSteps
  if (inCycle < warmupSteps) {
    return schedule.warmupRate + ((baseRate - schedule.warmupRate) * inCycle) / warmupSteps
  }
  return (baseRate / 2) * (1 + Math.cos((Math.PI * (inCycle - warmupSteps)) / (cycleSteps - warmupSteps)))
}
