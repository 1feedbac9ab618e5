import { join } from 'node:path'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { readModelManifest } from '../../shared/onnx/model-manifest.ts'
import { createNetwork } from '../networks/create-network.ts'
import { listConvolutions } from '../networks/list-convolutions.ts'
import { buildReport } from '../report/build/build-report.ts'
import type { ComparedPair, ExportedFile, SeedPair, TrainedModelInput } from '../report/build/report-input.ts'
import type { ExperimentReport, SweepPoint, TrainedNetworks } from '../report/experiment-report.ts'
import { writeReport } from '../report/write-report.ts'
import type { TrainConfig } from '../training/train-config.ts'
import { type ExperimentConfig, studentNames } from './experiment-config.ts'
import type { OnExperimentEvent } from './experiment-events.ts'
import { readDoneMark } from './experiment-folder.ts'
import type { DoneMark } from './folder-manifest.ts'
import type { ExperimentJob, GivenJob, TrainingJob } from './plan-experiment.ts'
import { readLabelStudy } from './read-label-study.ts'
import type { ExperimentData } from './run-experiment.ts'
import { type JobContext, modelPathOf } from './run-training-job.ts'

export interface ReportOptions {
  readonly config: ExperimentConfig
  readonly jobs: readonly ExperimentJob[]
  readonly data: ExperimentData & { readonly source: string }
  readonly context: JobContext
  readonly commit: string | undefined
  readonly onEvent: OnExperimentEvent
}

/** What an experiment ends with. */
export interface ReportedExperiment {
  readonly report: ExperimentReport
  /** Paths of `index.html` and `report.json`. */
  readonly html: string
  readonly json: string
}

/** Judges, compares and draws everything that the jobs left, and writes the report. */
export async function reportExperiment(options: ReportOptions): Promise<ReportedExperiment> {
  const { config, data, context, commit, onEvent } = options
  const { folder, splits, signal } = context
  const trained = options.jobs.filter((job) => job.kind === 'train')
  // The first seed stands for the students; the others show in the study of seeds.
  const first = { plain: `plain-${config.seed}`, distilled: `distilled-${config.seed}` }
  const pairs =
    config.students.length < studentNames.length
      ? []
      : Array.from({ length: config.seeds }, (_, i) => ({
          plain: `plain-${config.seed + i}`,
          distilled: `distilled-${config.seed + i}`,
        }))
  const models: TrainedModelInput[] = []
  for (const job of options.jobs) {
    if (job.kind === 'given') models.push(await describeGiven(job, context))
    if (job.kind === 'train' && job.role !== 'study') models.push(await describeTrained(job, context))
  }
  const ofThisData = trained.find(({ role }) => role !== 'study')!
  const { mean, deviation } = (await readModelManifest(modelPathOf(folder, ofThisData.id))).standardisation
  const plateau = models.find(({ id }) => id === 'plain-plateau')
  const named = new Set(models.map(({ id }) => id))
  const sweep = await readSweep(trained, context)
  const labelStudy = await readLabelStudy(config, options.jobs, context)
  const report = await buildReport(
    {
      title: config.title ?? data.source,
      splits,
      source: data.source,
      split: data.split,
      skipped: data.skipped,
      padded: data.padded,
      standardisation: { mean, deviation },
      settings: config,
      models,
      trained: await countTrained(trained, context),
      seeds: pairs,
      ...(plateau &&
        named.has(first.plain) && {
          schedules: {
            own: first.plain,
            ownName: nameSchedule(config.student.training.schedule),
            plateau: plateau.id,
          },
        }),
      compare: comparisonsOf(models, first).filter(({ a }) => named.has(a)),
      ...(sweep.length > 0 && { sweep }),
      ...(labelStudy.length > 0 && { labelStudy }),
      cacheDir: folder.logitsDir,
      targetRecall: config.targetRecall,
      smallestSpeckPx: config.student.training.smallestSpeckPx,
      threads: config.threads,
      commit,
    },
    { signal, onProgress: ({ what, share }) => onEvent({ kind: 'reporting', what, share }) },
  )
  const { html, json } = await writeReport(report, folder.outDir)
  return { report, html, json }
}

/** What a schedule of learning rates is called. */
export function nameSchedule(schedule: TrainConfig['schedule']): string {
  switch (schedule.kind) {
    case 'constant':
      return 'constant rate'
    case 'cosine':
      return schedule.restarts.length > 0 ? 'cosine with warm restarts' : 'cosine without restarts'
    case 'plateau':
      return `plateau, patience ${schedule.patience}`
    default:
      return schedule satisfies never
  }
}

/** Every variant with the student that it varies. */
function comparisonsOf(models: readonly TrainedModelInput[], { plain, distilled }: SeedPair): ComparedPair[] {
  return models
    .filter(({ role }) => role === 'variant')
    .map(({ id }) => ({ a: id.startsWith('plain-') ? plain : distilled, b: id }))
}

async function markOf(job: TrainingJob | GivenJob, { folder }: JobContext): Promise<DoneMark> {
  const mark = await readDoneMark(folder.modelDir(job.id))
  if (mark !== undefined) return mark
  throw new PelletlineError('internal', `the job ${job.id} has left no result: run the experiment again`)
}

async function describeGiven(job: GivenJob, context: JobContext): Promise<TrainedModelInput> {
  const { history, keptEpoch } = await markOf(job, context)
  const { id, label, teacher } = job
  const { parameters, multiplyAdds, lineage } = teacher.manifest
  const { dataSource, dataDigest, seed, commit, createdAt } = lineage
  return {
    id,
    label,
    role: 'teacher',
    seed,
    costs: { parameters, multiplyAdds },
    files: await filesOf(job, context),
    history,
    keptEpoch,
    trainingSeconds: 0,
    given: { model: id, dataSource, trainDigest: dataDigest.train, seed, commit, createdAt },
  }
}

async function filesOf(job: TrainingJob | GivenJob, context: JobContext): Promise<TrainedModelInput['files']> {
  const { files } = await markOf(job, context)
  const dir = context.folder.modelDir(job.id)
  const paths = files.map(({ precision, name }): ExportedFile => ({ precision, path: join(dir, name) }))
  return paths as [ExportedFile, ...ExportedFile[]]
}

async function describeTrained(job: TrainingJob, context: JobContext): Promise<TrainedModelInput> {
  const { history, keptEpoch } = await markOf(job, context)
  const { parameters, multiplyAdds } = await readModelManifest(modelPathOf(context.folder, job.id))
  return {
    id: job.id,
    label: job.label,
    role: job.role === 'study' ? 'variant' : job.role,
    seed: job.config.seed,
    costs: { parameters, multiplyAdds },
    convolutions: listConvolutions(createNetwork(job.network, job.config)),
    files: await filesOf(job, context),
    history,
    keptEpoch,
    trainingSeconds: secondsOf(history),
  }
}

async function countTrained(jobs: readonly TrainingJob[], context: JobContext): Promise<TrainedNetworks> {
  let seconds = 0
  for (const job of jobs) seconds += secondsOf((await markOf(job, context)).history)
  return { networks: jobs.length, seconds }
}

function secondsOf(history: DoneMark['history']): number {
  return history.reduce((sum, { seconds }) => sum + seconds, 0)
}

async function readSweep(jobs: readonly TrainingJob[], context: JobContext): Promise<SweepPoint[]> {
  const points: SweepPoint[] = []
  for (const job of jobs) {
    const { distillation } = job.config
    if (!job.id.startsWith('sweep-') || distillation === null) continue
    const { history, keptEpoch } = await markOf(job, context)
    const kept = history[keptEpoch - 1]!
    const { metrics } = await readModelManifest(modelPathOf(context.folder, job.id))
    points.push({
      temperature: distillation.temperature,
      lambda: distillation.lambda,
      temperatureSquared: distillation.temperatureSquared,
      epochs: history.length,
      valLoss: kept.valLoss,
      valAccuracy: kept.valAccuracy,
      valAuc: metrics.validation?.auc.value ?? null,
    })
  }
  return points
}
