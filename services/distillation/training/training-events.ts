import type { EpochRecord } from './checkpoint.ts'

/** What a training reports while it runs. */
export type TrainingEvent =
  | {
      readonly kind: 'started'
      readonly network: string
      readonly parameters: number
      readonly multiplyAdds: number
      readonly trainCount: number
      /** Steps of the whole training. */
      readonly totalSteps: number
      readonly threads: number
      /** Channels per block of the runtime's direct convolution; 1: it has none, and training takes about twice as long. */
      readonly blockSize: number
    }
  | { readonly kind: 'resumed'; readonly epoch: number; readonly step: number }
  | {
      readonly kind: 'steps'
      readonly epoch: number
      readonly epochs: number
      /** Steps done, and those of the whole training. */
      readonly step: number
      readonly totalSteps: number
      /** Mean loss of the epoch so far. */
      readonly loss: number
      readonly rate: number
      readonly secondsPerStep: number
    }
  | { readonly kind: 'epoch'; readonly epochs: number; readonly record: EpochRecord; readonly best: boolean }
  | { readonly kind: 'written'; readonly path: string }
  /** A precision that is not exported, and why. */
  | { readonly kind: 'refused'; readonly message: string }

export type OnTrainingEvent = (event: TrainingEvent) => void
