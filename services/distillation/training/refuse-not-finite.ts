import { PelletlineError } from '../../shared/errors/pelletline-error.ts'

/** Where a training stands. */
export interface TrainingPlace {
  /** Steps done, the one that is looked at included. */
  readonly step: number
  /** Counted from 1. */
  readonly epoch: number
  /** Learning rate of that step. */
  readonly rate: number
  /** Path of the last good checkpoint; undefined where none has been written yet. */
  readonly checkpoint: string | undefined
}

/**
 * Stops a training whose numbers are no longer finite: `failed_precondition` with step, epoch, rate and last good checkpoint,
 * since it is the settings that make it diverge.
 */
export function refuseNotFinite(what: string, value: number, place: TrainingPlace): void {
  if (Number.isFinite(value)) return
  const { step, epoch, rate, checkpoint } = place
  const good = checkpoint === undefined ? 'there is no good checkpoint yet' : `the last good state is ${checkpoint}`
  throw new PelletlineError(
    'failed_precondition',
    `the ${what} is ${value} at step ${step} (epoch ${epoch}, learning rate ${rate}); ${good}: ` +
      'train with a lower base rate or a longer warm-up',
  )
}

/** The same for a training's state, which is about to become a checkpoint. */
export function refuseBrokenState(tensors: ReadonlyMap<string, Float32Array>, place: TrainingPlace): void {
  for (const [name, data] of tensors) {
    // Zero as long as every number is finite, else NaN.
    let spread = 0
    for (let i = 0; i < data.length; i++) spread += 0 * data[i]!
    refuseNotFinite(`state ${name}`, spread, place)
  }
}
