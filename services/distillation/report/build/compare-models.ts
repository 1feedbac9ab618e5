import type { CropDataset } from '../../../shared/dataset/crop-dataset.ts'
import { mcnemar } from '../../../shared/statistics/mcnemar.ts'
import { countPaired, pairedDifference } from '../../../shared/statistics/paired-difference.ts'
import type { Comparison, ImageInterval, ModelRole } from '../experiment-report.ts'
import { isGrouped } from './describe-data.ts'
import type { JudgedFile, JudgedModel } from './judge-models.ts'
import type { ReportInput } from './report-input.ts'
import { rightAtZero, spreadOverImages } from './spread-over-images.ts'

export type PairedComparison = Pick<Comparison, 'onlyA' | 'onlyB' | 'p' | 'gain'>

/** What two judges are compared on; without groups every crop stands for itself. */
export type ComparedCrops = Pick<CropDataset, 'labels'> & Partial<Pick<CropDataset, 'group'>>

/**
 * Two judges of the same crops, both at margin 0: whom McNemar's test and Newcombe's paired interval tell apart, and, where
 * crops come in groups that may err together, the interval of a bootstrap over groups; null where that cannot be told.
 */
export function comparePaired(
  a: Float32Array,
  b: Float32Array,
  { labels, group }: ComparedCrops,
  resamples = 1000,
): PairedComparison {
  const verdicts = (margins: Float32Array) => Uint8Array.from(margins, (margin) => (margin >= 0 ? 1 : 0))
  const [ofA, ofB] = [verdicts(a), verdicts(b)]
  const counts = countPaired(ofA, ofB, labels)
  const { onlyA, onlyB } = counts
  const gain = pairedDifference(counts)
  const p = mcnemar(onlyA, onlyB)
  if (group === undefined || !isGrouped(group)) return { onlyA, onlyB, p, gain }
  const spread = spreadOverImages(gainByImage(a, b, labels), group, resamples)
  return { onlyA, onlyB, p, gain: { ...gain, byGroups: spread === undefined ? null : limitsOf(spread) } }
}

/** What b gains on each crop, -1, 0 or 1, both at margin 0. */
export function gainByImage(a: Float32Array, b: Float32Array, labels: Uint8Array): Int8Array {
  const [ofA, ofB] = [rightAtZero(a, labels), rightAtZero(b, labels)]
  return Int8Array.from(labels, (_, i) => ofB[i]! - ofA[i]!)
}

function limitsOf({ low, high }: ImageInterval) {
  return { low, high }
}

/**
 * The comparisons that the report makes, b against a: distilled against plain student, both against the ensemble, the
 * distilled one against each teacher, what else is asked for, and of every model its integer files against its float one.
 */
export function compareModels(
  judged: readonly JudgedModel[],
  ensemble: Float32Array | undefined,
  crops: ComparedCrops,
  { compare = [], resamples }: Pick<ReportInput, 'compare' | 'resamples'> = {},
): readonly Comparison[] {
  const first = (role: ModelRole) => judged.find(({ input }) => input.role === role)
  const all = (role: ModelRole) => judged.filter(({ input }) => input.role === role)
  const named = (id: string) => judged.find(({ input }) => input.id === id)
  const [plain, distilled] = [first('plain'), first('distilled')]
  const pairs: (readonly [Contestant | undefined, Contestant | undefined])[] = [
    [ofModel(plain), ofModel(distilled)],
    [ensemble && { id: 'ensemble', margins: ensemble }, ofModel(distilled)],
    [ensemble && { id: 'ensemble', margins: ensemble }, ofModel(plain)],
    ...all('teacher').map((model) => [ofModel(model), ofModel(distilled)] as const),
    ...compare.map(({ a, b }) => [ofModel(named(a)), ofModel(named(b))] as const),
    ...judged.flatMap(precisionPairs),
  ]
  return pairs.flatMap(([a, b]) =>
    a === undefined || b === undefined
      ? []
      : [{ a: a.id, b: b.id, ...comparePaired(a.margins, b.margins, crops, resamples) } satisfies Comparison],
  )
}

interface Contestant {
  readonly id: string
  readonly margins: Float32Array
}

function ofModel(model: JudgedModel | undefined): Contestant | undefined {
  return model && { id: model.input.id, margins: model.files[0].margins }
}

function precisionPairs({ input, files }: JudgedModel): (readonly [Contestant, Contestant])[] {
  // The model's first file goes by the model's name, the others by their precision too.
  const named = (file: JudgedFile) => ({
    id: file === files[0] ? input.id : `${input.id} (${file.precision})`,
    margins: file.margins,
  })
  const float = (['float32', 'float16'] as const)
    .map((precision) => files.find((file) => file.precision === precision))
    .find((file) => file !== undefined)
  if (float === undefined) return []
  return files
    .filter(({ precision }) => precision === 'int8' || precision === 'int8Weights')
    .map((file) => [named(float), named(file)] as const)
}
