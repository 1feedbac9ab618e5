import { basename, join } from 'node:path'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { GraphWorker } from '../../shared/onnx/graph-worker.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { judgeViews, openModelFile } from '../evaluation/soft-labels.ts'
import { viewNumbers } from '../evaluation/turn-crop.ts'
import { trainNetwork } from '../train-network.ts'
import { createCachedTargets, createLiveTargets, type SoftTargets } from '../training/soft-targets.ts'
import type { OnTrainingEvent } from '../training/training-events.ts'
import { deriveTrainingPart } from './derive-training-part.ts'
import { type ExperimentFolder, identityOf, markDone, readDoneMark } from './experiment-folder.ts'
import { recordTeachers } from './given-teachers.ts'
import type { GivenJob, TeachingJob, TrainingJob } from './plan-experiment.ts'

export interface JobContext {
  readonly folder: ExperimentFolder
  readonly splits: CropSplits
  /** Seed of the experiment. */
  readonly seed: number
  readonly worker: GraphWorker
  readonly signal: AbortSignal | undefined
}

/** Path of the model that a training job writes. */
export function modelPathOf(folder: ExperimentFolder, id: string): string {
  return join(folder.modelDir(id), `${id}.onnx`)
}

/** What decides a training job's result. */
function describeJob(job: TrainingJob, splits: CropSplits): string {
  const { threads: _, spinning: __, stepsPerRun: ___, checkpointMinutes: ____, ...config } = job.config
  return identityOf(
    job.network,
    config,
    job.data,
    job.taughtBy,
    [splits.train, splits.val, splits.test].map(({ digest }) => digest),
  )
}

/** `stale`: it was finished, but with other settings or by a program that trains otherwise. */
export type JobState = 'open' | 'done' | 'stale'

/**
 * How far a job is that ends with a model: `done` where it was finished on the same data and settings. `data_loss` where a model that it left is missing
 * or damaged: what is judged by other bytes than those that were trained would be no result.
 */
export async function findJobState(job: TrainingJob | GivenJob, { folder, splits }: JobContext): Promise<JobState> {
  const dir = folder.modelDir(job.id)
  const mark = await readDoneMark(dir)
  if (mark === undefined) return 'open'
  if (job.kind === 'train' && mark.identity !== describeJob(job, splits)) return 'stale'
  for (const { name } of mark.files) {
    const path = join(dir, name)
    await loadModel(path).catch((cause) => {
      throw new PelletlineError(
        'data_loss',
        `${job.label} (${job.id}) was finished, but ${path} or its manifest is missing or damaged: ` +
          `restore both, or delete ${join(dir, 'done.json')} to ${job.kind === 'given' ? 'copy' : 'train'} it anew`,
        { cause },
      )
    })
  }
  return 'done'
}

/** Trains a job's network from its last checkpoint on; errors as of `trainNetwork`. */
export async function runTrainingJob(
  job: TrainingJob,
  teaching: TeachingJob | undefined,
  context: JobContext,
  onEvent: OnTrainingEvent,
): Promise<void> {
  const { folder, splits, seed, signal } = context
  const { train, labelled } = deriveTrainingPart(splits.train, job.data, seed, teaching !== undefined)
  const softTargets = teaching && (await openSoftTargets(teaching, train, context))
  const outDir = folder.modelDir(job.id)
  const trainTaught = async () =>
    trainNetwork({
      network: job.network,
      splits: { ...splits, train },
      config: job.config,
      outDir,
      resume: true,
      softTargets,
      teachers: teaching && (await recordTeachers(teaching.teachers.map((id) => modelPathOf(folder, id)))),
      labelled,
      // The report says what int8 costs; a network that it costs too much goes without.
      onRefused: (refusal) => onEvent({ kind: 'refused', message: refusal.message }),
      onProgress: onEvent,
      signal,
    })
  const { history, keptEpoch, files } = await trainTaught().finally(() => softTargets?.close())
  const names = files.map(({ precision, modelPath }) => ({ precision, name: basename(modelPath) }))
  await markDone(outDir, { identity: describeJob(job, splits), keptEpoch, history: [...history], files: names })
}

/** Lets the teachers judge the training part, unless their answers are kept; reports crops judged of all. */
export async function runTeachingJob(
  job: TeachingJob,
  train: CropDataset,
  context: JobContext,
  onProgress: (judged: number, total: number) => void,
): Promise<void> {
  if (job.teachersSee === 'augmented') return
  for (const [i, teacher] of job.teachers.entries()) {
    await judgeTeacher(teacher, job, train, context, (judged, total) =>
      onProgress(i * total + judged, job.teachers.length * total),
    )
  }
}

async function judgeTeacher(
  teacher: string,
  { teachersSee }: TeachingJob,
  train: CropDataset,
  { folder, worker, signal }: JobContext,
  onProgress?: (judged: number, total: number) => void,
) {
  const model = await openModelFile(modelPathOf(folder, teacher), signal)
  const views = teachersSee === 'views' ? viewNumbers : ([0] as const)
  const options = { views, cacheDir: folder.logitsDir, onProgress, signal }
  return { teacher: model.sha256, views: await judgeViews(worker, model, train, options) }
}

async function openSoftTargets(job: TeachingJob, train: CropDataset, context: JobContext): Promise<SoftTargets> {
  const { folder, worker, signal } = context
  if (job.teachersSee === 'augmented') {
    const models = []
    for (const teacher of job.teachers) {
      const { sha256, bytes } = await openModelFile(modelPathOf(folder, teacher), signal)
      models.push({ sha256, bytes: await bytes() })
    }
    return createLiveTargets(worker, models)
  }
  const logits = []
  for (const teacher of job.teachers) logits.push(await judgeTeacher(teacher, job, train, context))
  return createCachedTargets(logits)
}
