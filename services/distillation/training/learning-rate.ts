/** How the learning rate runs over the steps. */
export type Schedule =
  | { readonly kind: 'constant' }
  | {
      readonly kind: 'cosine'
      /** Rate at the first step of the warm-up. */
      readonly warmupRate: number
      /** Length of the warm-up, epochs. */
      readonly warmupEpochs: number
      /** Where in the training (0 to 1, ascending) the rate starts again with a warm-up of its own: warm restarts. */
      readonly restarts: readonly number[]
    }
  | {
      readonly kind: 'plateau'
      /** What the rate is multiplied by after `patience` epochs without a better validation loss. */
      readonly factor: number
      /** Epochs. */
      readonly patience: number
      /** What the validation loss must fall by to count as better. */
      readonly minDelta: number
      /** The rate never falls below. */
      readonly minRate: number
    }

export interface ScheduleLength {
  readonly baseRate: number
  /** Steps of the whole training. */
  readonly totalSteps: number
  readonly stepsPerEpoch: number
}

/**
 * Learning rate of a step, counted from 0; `valLosses` are those of the epochs before it.
 *
 * Cosine annealing with linear warm-up (Loshchilov and Hutter, 2017; the paper's section on training), per cycle of warm
 * restarts: warmup + (base - warmup) * step / warmupSteps, then
 * base / 2 * (1 + cos(pi * (step - warmupSteps) / (cycleSteps - warmupSteps))), with the step counted within its cycle.
 * Reduce on plateau: base * factor ^ (times that the validation loss did not get better for `patience` epochs).
 */
export function learningRate(
  schedule: Schedule,
  length: ScheduleLength,
  step: number,
  valLosses: readonly number[] = [],
): number {
  switch (schedule.kind) {
    case 'constant':
      return length.baseRate
    case 'cosine':
      return cosineRate(schedule, length, step)
    case 'plateau':
      return Math.max(length.baseRate * schedule.factor ** countPlateaus(schedule, valLosses), schedule.minRate)
    default:
      return schedule satisfies never
  }
}

/** The steps, counted from 0 and ascending, at which a schedule starts again. */
export function restartSteps(
  schedule: Schedule,
  { totalSteps }: Pick<ScheduleLength, 'totalSteps'>,
): readonly number[] {
  return schedule.kind === 'cosine' ? schedule.restarts.map((share) => Math.round(share * totalSteps)) : []
}

function cosineRate(
  schedule: Extract<Schedule, { kind: 'cosine' }>,
  { baseRate, totalSteps, stepsPerEpoch }: ScheduleLength,
  step: number,
): number {
  const { warmupRate, warmupEpochs } = schedule
  const starts = [0, ...restartSteps(schedule, { totalSteps })]
  const start = starts.findLast((first) => first <= step) ?? 0
  const cycleSteps = (starts.find((first) => first > step) ?? totalSteps) - start
  const warmupSteps = Math.min(Math.round(warmupEpochs * stepsPerEpoch), cycleSteps - 1)
  const inCycle = step - start
  if (inCycle < warmupSteps) return warmupRate + ((baseRate - warmupRate) * inCycle) / warmupSteps
  return (baseRate / 2) * (1 + Math.cos((Math.PI * (inCycle - warmupSteps)) / (cycleSteps - warmupSteps)))
}

function countPlateaus(
  { patience, minDelta }: Extract<Schedule, { kind: 'plateau' }>,
  valLosses: readonly number[],
): number {
  let best = Number.POSITIVE_INFINITY
  let waited = 0
  let count = 0
  for (const loss of valLosses) {
    if (loss < best - minDelta) {
      best = loss
      waited = 0
    } else if (++waited >= patience) {
      count++
      waited = 0
    }
  }
  return count
}
