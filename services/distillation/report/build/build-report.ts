import { availableParallelism, cpus } from 'node:os'
import process from 'node:process'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { describeRuntime } from '../../../shared/onnx/describe-runtime.ts'
import { createGraphWorker, type GraphWorker } from '../../../shared/onnx/graph-worker.ts'
import { describeCommit } from '../../export/describe-commit.ts'
import { type ExperimentReport, type HeatmapFigure, reportFormatVersion } from '../experiment-report.ts'
import { checkReportInput } from './check-report-input.ts'
import { combineTeachers } from './combine-teachers.ts'
import { compareModels } from './compare-models.ts'
import { describeData } from './describe-data.ts'
import { explainCrops } from './explain-crops.ts'
import { findWorst } from './find-worst.ts'
import { type JudgedModel, judgeModels, repeatedIds } from './judge-models.ts'
import { measureFigures } from './measure-figures.ts'
import { measureTimes, type TimedFile } from './measure-times.ts'
import type { BuildReportOptions, ReportInput } from './report-input.ts'
import { reportModel } from './report-model.ts'
import { type SeedStudent, studySeeds } from './study-seeds.ts'

/** Where the parts of the work end, as shares of the whole; judging is most of it. */
const shares = { judged: 0.75, measured: 0.85, timed: 0.97 }

/**
 * Judges validation and test part by every file of an experiment and computes all that its report shows. What models
 * answer is kept in `cacheDir`: a second report judges nothing again. `invalid_argument` where the input does not fit
 * together, `not_found` or `data_loss` where a file cannot be read, `failed_precondition` where a model gives no verdict,
 * `cancelled` on abort.
 */
export async function buildReport(input: ReportInput, options: BuildReportOptions = {}): Promise<ExperimentReport> {
  checkReportInput(input)
  const { threads } = input
  // As models are served: threads that wait do not hold the cores.
  const worker = createGraphWorker({ ...(threads === undefined ? {} : { threads }), spinning: false })
  try {
    return await build(worker, input, options)
  } catch (reason) {
    throw PelletlineError.from(reason)
  } finally {
    await worker.close()
  }
}

async function build(
  worker: GraphWorker,
  input: ReportInput,
  { onProgress, signal }: BuildReportOptions,
): Promise<ExperimentReport> {
  const { splits, heatmapCrops = 6, timingRounds = 9 } = input
  const report = (what: string, from: number, to: number, share: number) =>
    onProgress?.({ what, share: from + (to - from) * share })
  // 1. Answers of every file.
  const judged = await judgeModels(worker, input, {
    signal,
    onProgress: ({ what, share }) => report(what, 0, shares.judged, share),
  })
  const repeated = repeatedIds(input)
  const reported = judged.filter(({ input: { id } }) => !repeated.has(id))
  const teachers = reported.filter(({ input: { role } }) => role === 'teacher')
  const ensemble = teachers.length === 0 ? undefined : combineTeachers(teachers.map(({ files }) => files[0].logits))
  // 2. Times, while nothing else runs.
  const times =
    timingRounds === 0
      ? new Map()
      : await measureTimes(worker, distinctFiles(reported), {
          pixels: splits.test.pixels,
          rounds: timingRounds,
          signal,
          onProgress: (done, total) => report('timing every file', shares.judged, shares.measured, done / total),
        })
  // 3. Figures.
  const models: ExperimentReport['models'][number][] = []
  for (const [i, model] of reported.entries()) {
    signal?.throwIfAborted()
    report(`measuring ${model.input.id}`, shares.measured, shares.timed, i / reported.length)
    models.push(reportModel(model, input, times))
  }
  const measure = (margins: Float32Array) => measureFigures(margins, splits.test, 0, input)
  const known = new Map(models.map(({ id, test }) => [id, test]))
  const students = new Map(
    judged.map(({ input: { id }, files: [{ margins }] }): [string, SeedStudent] => [
      id,
      { margins, figures: known.get(id) ?? measure(margins) },
    ]),
  )
  const pairs = (input.seeds ?? []).map(({ plain, distilled }) => ({
    plain: students.get(plain)!,
    distilled: students.get(distilled)!,
  }))
  const seeds = studySeeds(pairs, splits.test, input.resamples, ensemble)
  // 4. Pictures.
  const shown = reported.filter(({ input: { role } }) => role === 'plain' || role === 'distilled')
  report('drawing heatmaps', shares.timed, 1, 0)
  const heatmaps = heatmapCrops === 0 ? undefined : await explain(worker, shown, input, heatmapCrops, signal)
  const { schedules, sweep, labelStudy, trained } = input
  const finished: ExperimentReport = {
    formatVersion: reportFormatVersion,
    title: input.title,
    createdAt: new Date().toISOString(),
    commit: input.commit ?? (await describeCommit()),
    machine: describeMachine(worker.threads),
    data: describeData(input),
    settings: input.settings,
    models,
    ...(trained === undefined ? {} : { trained }),
    ...(ensemble === undefined ? {} : { ensemble: measure(ensemble) }),
    ...(seeds === undefined ? {} : { seeds }),
    comparisons: compareModels(reported, ensemble, splits.test, input),
    ...(schedules === undefined ? {} : { schedules }),
    ...(sweep === undefined ? {} : { sweep }),
    ...(labelStudy === undefined ? {} : { labelStudy }),
    ...(heatmaps === undefined ? {} : { heatmaps }),
    worst: findWorst(
      firstStudents(shown).map(({ input: { id }, files }) => ({ id, margins: files[0].margins })),
      splits.test,
    ),
  }
  report('report computed', shares.timed, 1, 1)
  return finished
}

/** Every file once, by its digest: one that serves two models is timed once for both. */
function distinctFiles(models: readonly JudgedModel[]): readonly TimedFile[] {
  const files = models.flatMap((model) => model.files.map(({ file }) => [file.sha256, file.bytes] as const))
  return [...new Map(files)].map(([key, bytes]) => ({ key, bytes }))
}

/** The first plain and the first distilled student. */
function firstStudents(students: readonly JudgedModel[]): readonly JudgedModel[] {
  return (['plain', 'distilled'] as const)
    .map((role) => students.find(({ input }) => input.role === role))
    .filter((model) => model !== undefined)
}

async function explain(
  worker: GraphWorker,
  students: readonly JudgedModel[],
  { splits }: ReportInput,
  count: number,
  signal: AbortSignal | undefined,
): Promise<HeatmapFigure | undefined> {
  const explained = []
  for (const { input, files } of firstStudents(students)) {
    // A gradient needs a graph of floats.
    const file = files.find(({ precision }) => precision === 'float32' || precision === 'float16')
    if (file !== undefined) explained.push({ id: input.id, path: file.path, bytes: await file.file.bytes() })
  }
  return explained.length === 0 ? undefined : explainCrops(worker, explained, splits.test, count, signal)
}

function describeMachine(threads: number): ExperimentReport['machine'] {
  const processor = cpus()[0]?.model.trim() ?? process.arch
  return { processor: `${processor}, ${availableParallelism()} cores`, threads, runtime: describeRuntime() }
}
