import { basename } from 'node:path'
import { chooseThreshold } from '../../evaluation/choose-threshold.ts'
import type { ReportedFile, ReportedModel } from '../experiment-report.ts'
import type { JudgedModel } from './judge-models.ts'
import { calibrate, measureFigures } from './measure-figures.ts'
import type { ReportInput } from './report-input.ts'

/** What the report says of one model; `times` are by the files' digests. */
export function reportModel(
  { input: model, files, validation }: JudgedModel,
  input: ReportInput,
  times: ReadonlyMap<string, NonNullable<ReportedFile['time']>>,
): ReportedModel {
  const { test, val } = input.splits
  const { parameters, multiplyAdds } = model.costs
  const measured = files.map(
    ({ precision, path, file, margins }): ReportedFile => ({
      precision,
      file: basename(path),
      bytes: file.size,
      sha256: file.sha256,
      test: measureFigures(margins, test, 0, input),
      time: times.get(file.sha256) ?? null,
    }),
  )
  const atTargetRecall = measureAtRecall(files[0].margins, validation, val.labels, input)
  return {
    id: model.id,
    label: model.label,
    role: model.role,
    seed: model.seed,
    parameters,
    multiplyAdds,
    paperOperations: 2 * parameters,
    ...(model.convolutions === undefined ? {} : { convolutions: model.convolutions }),
    files: measured,
    test: measured[0]!.test,
    ...(atTargetRecall === undefined ? {} : { atTargetRecall }),
    calibration: calibrate(files[0].margins, test.labels),
    history: model.history,
    keptEpoch: model.keptEpoch,
    trainingSeconds: model.trainingSeconds,
    ...(model.given === undefined ? {} : { given: model.given }),
  }
}

/** Undefined where the validation part has no NG crop to choose a threshold on. */
function measureAtRecall(
  margins: Float32Array,
  validation: Float32Array | undefined,
  labels: Uint8Array,
  input: ReportInput,
): ReportedModel['atTargetRecall'] {
  if (validation === undefined || !labels.includes(1)) return undefined
  const { targetRecall = 0.99 } = input
  const threshold = chooseThreshold({ kind: 'minRecall', recall: targetRecall }, validation, labels)
  return { targetRecall, ...measureFigures(margins, input.splits.test, threshold, input) }
}
