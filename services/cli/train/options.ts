import type { TrainingDataOptions } from './read-training-data.ts'

/** Networks that can be trained. */
export const networkNames = ['student', 'resnet18', 'vgg16', 'vgg19'] as const

/** Options of `train` as commander hands them over. */
export interface TrainOptions extends TrainingDataOptions {
  readonly epochs?: number
  readonly batchSize?: number
  readonly rate?: number
  readonly seed?: number
  readonly id?: string
  readonly threads?: number
  readonly config?: string
  /** Model file to go on from. */
  readonly startFrom?: string
}
