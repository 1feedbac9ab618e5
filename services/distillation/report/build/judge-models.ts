import type { GraphWorker } from '../../../shared/onnx/graph-worker.ts'
import { marginsOf } from '../../evaluation/measure-classifier.ts'
import { judgeWithCache, type ModelFile, openModelFile } from '../../evaluation/soft-labels.ts'
import type { BuildReportOptions, ExportedFile, ReportInput, TrainedModelInput } from './report-input.ts'

/** A file with what it answers to the test part. */
export interface JudgedFile extends ExportedFile {
  readonly file: ModelFile
  /** Logits [count, 2]. */
  readonly logits: Float32Array
  /** zNG - zOK. */
  readonly margins: Float32Array
}

/** A model with what its files answer. */
export interface JudgedModel {
  readonly input: TrainedModelInput
  /** In the order of the input; one that repeats a reported model under another seed has only its first. */
  readonly files: readonly [JudgedFile, ...JudgedFile[]]
  /** Margins of the first file on the validation part; undefined for those that only repeat another. */
  readonly validation: Float32Array | undefined
}

/** Ids of the models that only repeat another one under a further seed. */
export function repeatedIds({ seeds = [] }: Pick<ReportInput, 'seeds'>): ReadonlySet<string> {
  const [first, ...further] = seeds
  const repeated = new Set(further.flatMap(({ plain, distilled }) => [plain, distilled]))
  // A plain student may be the same in every pair.
  if (first !== undefined) for (const id of [first.plain, first.distilled]) repeated.delete(id)
  return repeated
}

/**
 * Judges the test part by every file and the validation part by every first one, through the cache, one model after the
 * other in one worker.
 */
export async function judgeModels(
  worker: GraphWorker,
  input: ReportInput,
  { onProgress, signal }: BuildReportOptions,
): Promise<readonly JudgedModel[]> {
  const { splits, cacheDir } = input
  const repeated = repeatedIds(input)
  const plans = input.models.map((model) => ({
    model,
    files: repeated.has(model.id) ? model.files.slice(0, 1) : model.files,
    validation: !repeated.has(model.id),
  }))
  const total = plans.reduce(
    (sum, { files, validation }) => sum + files.length * splits.test.count + (validation ? splits.val.count : 0),
    0,
  )
  let done = 0
  const judge = async (file: ModelFile, part: 'val' | 'test', what: string) => {
    const crops = splits[part]
    const before = done
    const logits = await judgeWithCache(worker, file, crops, {
      cacheDir,
      signal,
      onProgress: (judged) => onProgress?.({ what, share: (before + judged) / total }),
    })
    done += crops.count
    return logits
  }
  const judged: JudgedModel[] = []
  for (const { model, files, validation } of plans) {
    const answers: JudgedFile[] = []
    for (const { precision, path } of files) {
      const file = await openModelFile(path, signal)
      const logits = await judge(file, 'test', `judging the test part by ${model.id} (${precision})`)
      answers.push({ precision, path, file, logits, margins: marginsOf(logits) })
    }
    const [first, ...others] = answers as [JudgedFile, ...JudgedFile[]]
    judged.push({
      input: model,
      files: [first, ...others],
      validation: validation
        ? marginsOf(await judge(first.file, 'val', `judging the validation part by ${model.id}`))
        : undefined,
    })
  }
  return judged
}
