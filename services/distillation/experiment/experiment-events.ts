import type { TrainingEvent } from '../training/training-events.ts'

/** A job of the queue as it is shown. */
export interface QueuedJob {
  readonly id: string
  readonly label: string
  /** Multiply-adds, which go nearly in step with time. */
  readonly work: number
  readonly done: boolean
  /** It was finished before, but with other settings or by a program that trains otherwise: it is trained anew. */
  readonly stale: boolean
}

/** What an experiment reports while it runs. */
export type ExperimentEvent =
  | { readonly kind: 'queue'; readonly jobs: readonly QueuedJob[] }
  | { readonly kind: 'job'; readonly id: string; readonly label: string; readonly state: 'started' | 'finished' }
  /** Work done of what the queue had left when the run began. */
  | { readonly kind: 'progress'; readonly job: string; readonly done: number; readonly detail: string }
  | { readonly kind: 'training'; readonly job: string; readonly event: TrainingEvent }
  | { readonly kind: 'reporting'; readonly what: string; readonly share: number }

export type OnExperimentEvent = (event: ExperimentEvent) => void
