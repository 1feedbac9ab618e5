import { mcnemar } from '../../../shared/statistics/mcnemar.ts'
import { countPaired, pairedDifference } from '../../../shared/statistics/paired-difference.ts'
import type { Comparison, ModelRole } from '../experiment-report.ts'
import type { JudgedFile, JudgedModel } from './judge-models.ts'
import type { ComparedPair } from './report-input.ts'

export type PairedComparison = Pick<Comparison, 'onlyA' | 'onlyB' | 'p' | 'gain'>

/** Two judges of the same crops, both at margin 0: whom McNemar's test and Newcombe's paired interval tell apart. */
export function comparePaired(a: Float32Array, b: Float32Array, labels: Uint8Array): PairedComparison {
  const verdicts = (margins: Float32Array) => Uint8Array.from(margins, (margin) => (margin >= 0 ? 1 : 0))
  const counts = countPaired(verdicts(a), verdicts(b), labels)
  const { onlyA, onlyB } = counts
  return { onlyA, onlyB, p: mcnemar(onlyA, onlyB), gain: pairedDifference(counts) }
}

/**
 * The comparisons that the report makes, b against a: distilled against plain student, both against the ensemble, the
 * distilled one against each teacher, what else is asked for, and of every model its integer files against its float one.
 */
export function compareModels(
  judged: readonly JudgedModel[],
  ensemble: Float32Array | undefined,
  labels: Uint8Array,
  further: readonly ComparedPair[] = [],
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
    ...further.map(({ a, b }) => [ofModel(named(a)), ofModel(named(b))] as const),
    ...judged.flatMap(precisionPairs),
  ]
  return pairs.flatMap(([a, b]) =>
    a === undefined || b === undefined
      ? []
      : [{ a: a.id, b: b.id, ...comparePaired(a.margins, b.margins, labels) } satisfies Comparison],
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
