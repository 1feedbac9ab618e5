import { countMultiplyAdds } from '../networks/count-costs.ts'
import { createNetwork } from '../networks/create-network.ts'
import { stepsPerEpoch } from '../training/assemble-batches.ts'
import type { ExperimentConfig } from './experiment-config.ts'
import type { QueuedJob } from './experiment-events.ts'
import type { GivenTeacher } from './given-teachers.ts'
import { type ExperimentJob, planExperiment, type TrainingJob } from './plan-experiment.ts'

/** A step costs the forward pass and twice as much backward. */
const passesPerStep = 3

/** Multiply-adds of a job on a training part of `count` crops; validation and export are not counted. */
export function estimateWork(job: ExperimentJob, jobs: readonly ExperimentJob[], count: number): number {
  if (job.kind === 'train') return workPerStep(job) * stepsPerEpoch(count, job.config.batchSize) * job.config.epochs
  if (job.kind === 'given' || job.teachersSee === 'augmented') return 0
  const views = job.teachersSee === 'views' ? 8 : 1
  const costs = jobs.filter(({ id }) => job.teachers.includes(id)).map(costOfTeacher)
  return costs.reduce((sum, cost) => sum + cost, 0) * views * count
}

function costOfTeacher(job: ExperimentJob): number {
  switch (job.kind) {
    case 'train':
      return countMultiplyAdds(createNetwork(job.network, job.config))
    case 'given':
      return job.teacher.manifest.multiplyAdds
    case 'teach':
      return 0
    default:
      return job satisfies never
  }
}

/** Multiply-adds of one step of a training. */
export function workPerStep({ network, config }: TrainingJob): number {
  return passesPerStep * config.batchSize * countMultiplyAdds(createNetwork(network, config))
}

/** The jobs of an experiment on a training part of `count` crops, with their work. */
export function planWork(
  config: ExperimentConfig,
  count: number,
  given: readonly GivenTeacher[] = [],
): readonly Omit<QueuedJob, 'done' | 'stale'>[] {
  const jobs = planExperiment(config, given)
  const trainCount = Math.min(count, config.trainCount ?? count)
  return jobs.map((job) => ({ id: job.id, label: job.label, work: estimateWork(job, jobs, trainCount) }))
}
