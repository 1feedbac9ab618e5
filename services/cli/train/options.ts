import type { DataOptions } from './data-options.ts'

/** Networks that can be trained. */
export const networkNames = ['student', 'resnet18', 'vgg16', 'vgg19'] as const

/** Options of `train` as commander hands them over. */
export interface TrainOptions extends DataOptions {
  readonly data: string
  readonly out: string
  readonly epochs?: number
  readonly batchSize?: number
  readonly rate?: number
  readonly seed?: number
  readonly id?: string
  readonly threads?: number
  readonly config?: string
  readonly count: number
  readonly testCount?: number
  readonly ngShare: number
  readonly subSizeShare: number
  readonly variety: 'line' | 'wide' | 'mixed'
}
