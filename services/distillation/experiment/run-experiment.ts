import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { checkSplits } from '../training/check-splits.ts'
import type { TrainingEvent } from '../training/training-events.ts'
import { checkShares, deriveTrainingPart, drawCrops } from './derive-training-part.ts'
import { estimateWork, workPerStep } from './estimate-work.ts'
import { type ExperimentConfig, type ExperimentConfigInput, parseExperimentConfig } from './experiment-config.ts'
import type { OnExperimentEvent } from './experiment-events.ts'
import { openExperimentFolder } from './experiment-folder.ts'
import { adoptTeachers, readGivenTeachers, refuseTeachersOfTheTest } from './given-teachers.ts'
import { type ExperimentJob, planExperiment, type TeachingJob, type TrainingJob } from './plan-experiment.ts'
import { type ReportedExperiment, reportExperiment } from './report-experiment.ts'
import { findJobState, type JobContext, runTeachingJob, runTrainingJob } from './run-training-job.ts'

/** Labelled images, split, and how they were read. */
export interface ExperimentData {
  readonly splits: CropSplits
  /** Where all of them come from, for people: a path as it was given; default: the training part's source. */
  readonly source?: string
  /** How the parts came about, in a sentence. */
  readonly split: string
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** Images that were smaller and have been centred on black. */
  readonly padded: number
}

export interface RunExperimentOptions {
  readonly data: ExperimentData
  /** Checked here: `invalid_argument` names unknown keys and wrong values. */
  readonly config?: ExperimentConfigInput
  /** Made where it is missing; the same command in the same folder goes on where it was stopped. */
  readonly outDir: string
  readonly commit?: string | undefined
  readonly onEvent?: OnExperimentEvent
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the experiment of the paper: teachers (trained, or given), their judgement of the training part, students plain and distilled, further
 * students and studies as configured, report. A queue of jobs; what is finished is not done again, what was stopped at any
 * moment goes on from its last checkpoint and ends with the same models to the bit (on the same machine and threads).
 * `failed_precondition` where the folder holds another experiment, `data_loss` where a model of a finished job is missing or
 * damaged; errors of `fitNetwork`; `cancelled` on abort.
 */
export async function runExperiment(options: RunExperimentOptions): Promise<ReportedExperiment> {
  const { data, outDir, signal, onEvent = () => {} } = options
  const config = parseExperimentConfig(options.config)
  // 1. The data of this experiment, and its folder.
  const splits = { ...data.splits, train: drawTrainingPart(data.splits, config) }
  const given = await readGivenTeachers(config.teachers.given ?? [], signal)
  refuseTeachersOfTheTest(given, splits)
  const jobs = planExperiment(config, given)
  for (const job of jobs) {
    if (job.kind !== 'train') continue
    checkSplits(splits, job.config)
    checkShares(splits.train, job.data)
  }
  const folder = await openExperimentFolder(outDir, config, splits)
  const worker = createGraphWorker({
    spinning: config.spinning,
    ...(config.threads !== undefined && { threads: config.threads }),
  })
  try {
    await adoptTeachers(given, folder)
    // 2. The queue.
    const context: JobContext = { folder, splits, seed: config.seed, worker, signal }
    const queue = []
    // One after the other: what a finished job left is read, which may be hundreds of models.
    for (const job of jobs) {
      signal?.throwIfAborted()
      const state = job.kind === 'teach' ? 'open' : await findJobState(job, context)
      const work = estimateWork(job, jobs, splits.train.count)
      queue.push({ job, work, done: state === 'done', stale: state === 'stale' })
    }
    onEvent({
      kind: 'queue',
      jobs: queue.map(({ job, work, done, stale }) => ({ id: job.id, label: job.label, work, done, stale })),
    })
    // 3. One job after the other.
    let before = 0
    for (const { job, work, done } of queue) {
      if (done) continue
      signal?.throwIfAborted()
      onEvent({ kind: 'job', id: job.id, label: job.label, state: 'started' })
      const progress = (part: number, detail: string) =>
        onEvent({ kind: 'progress', job: job.id, done: before + part, detail })
      await runJob(job, jobs, context, work, progress, (event) => onEvent({ kind: 'training', job: job.id, event }))
      before += work
      progress(0, job.label)
      onEvent({ kind: 'job', id: job.id, label: job.label, state: 'finished' })
    }
    // 4. The report.
    const source = data.source ?? data.splits.train.source
    return await reportExperiment({
      config,
      jobs,
      data: { ...data, source, splits },
      context,
      commit: options.commit,
      onEvent,
    })
  } catch (reason) {
    if (!signal?.aborted) throw PelletlineError.from(reason)
    const message = `the experiment in ${outDir} was stopped: the same command goes on where it was`
    throw new PelletlineError('cancelled', message, { cause: reason })
  } finally {
    await worker.close()
    await folder.release()
  }
}

function drawTrainingPart({ train }: CropSplits, { trainCount, seed }: ExperimentConfig) {
  return trainCount === null ? train : drawCrops(train, trainCount, seed)
}

async function runJob(
  job: ExperimentJob,
  jobs: readonly ExperimentJob[],
  context: JobContext,
  work: number,
  progress: (done: number, detail: string) => void,
  onTraining: (event: TrainingEvent) => void,
): Promise<void> {
  // A given teacher is done as soon as it is in the folder.
  if (job.kind === 'given') return
  if (job.kind === 'teach') {
    // Teachers judge what their students are trained on.
    const pupil = jobs.find((other): other is TrainingJob => other.kind === 'train' && other.taughtBy === job.id)
    if (pupil === undefined) return
    const { train } = deriveTrainingPart(context.splits.train, pupil.data, context.seed, true)
    await runTeachingJob(job, train, context, (judged, total) => progress((work * judged) / total, job.label))
    return
  }
  const perStep = workPerStep(job)
  const teaching = jobs.find((other): other is TeachingJob => other.kind === 'teach' && other.id === job.taughtBy)
  await runTrainingJob(job, teaching, context, (event) => {
    onTraining(event)
    if (event.kind === 'resumed') progress(event.step * perStep, job.label)
    if (event.kind !== 'steps') return
    const { epoch, epochs, loss } = event
    progress(event.step * perStep, `${job.label}, epoch ${epoch} of ${epochs}, loss ${loss.toFixed(4)}`)
  })
}
