import { clopperPearson } from '../../shared/statistics/clopper-pearson.ts'
import { type Confusion, confusionRates, countConfusion } from '../../shared/statistics/confusion.ts'
import type { Estimate } from '../../shared/statistics/interval.ts'
import { ratesAtPrevalence } from '../../shared/statistics/rates-at-prevalence.ts'
import { rocAuc } from '../../shared/statistics/roc-auc.ts'
import { wilsonInterval } from '../../shared/statistics/wilson-interval.ts'
import {
  type Calibration,
  type ClassifierFigures,
  type Comparison,
  type ExperimentReport,
  type ModelRole,
  type ReportedFile,
  type ReportedModel,
  reportFormatVersion,
} from '../report/experiment-report.ts'
import type { EpochRecord } from '../training/checkpoint.ts'
import { createRandom, type Random } from '../training/random.ts'
import { toyHeatmaps, toyLabelStudy, toyMistakes, toySeeds, toySweep } from './toy-report-studies.ts'

export interface ToyReportOptions {
  readonly title?: string
  /** Leave every optional member away, and every list that may be empty empty. */
  readonly bare?: boolean
  readonly testImages?: number
}

interface ToyNetwork {
  readonly id: string
  readonly label: string
  readonly role: ModelRole
  readonly parameters: number
  readonly multiplyAdds: number
  /** Distance of the classes' margins in standard deviations. */
  readonly skill: number
  readonly ms: number
  readonly plateau?: boolean
}

const networks: readonly ToyNetwork[] = [
  { id: 'vgg16', label: 'VGG-16', role: 'teacher', parameters: 14.98e6, multiplyAdds: 687e6, skill: 4.2, ms: 6.1 },
  { id: 'vgg19', label: 'VGG-19', role: 'teacher', parameters: 20.29e6, multiplyAdds: 872e6, skill: 4.1, ms: 7.9 },
  {
    id: 'resnet18',
    label: 'ResNet-18',
    role: 'teacher',
    parameters: 11.31e6,
    multiplyAdds: 141e6,
    skill: 4.0,
    ms: 2.1,
  },
  { id: 'plain', label: 'student', role: 'plain', parameters: 6.43e6, multiplyAdds: 75e6, skill: 3.7, ms: 0.81 },
  {
    id: 'distilled',
    label: 'student, distilled',
    role: 'distilled',
    parameters: 6.43e6,
    multiplyAdds: 75e6,
    skill: 4.1,
    ms: 0.8,
  },
  {
    id: 'plateau',
    label: 'student, distilled, plateau',
    role: 'variant',
    parameters: 6.43e6,
    multiplyAdds: 75e6,
    skill: 3.9,
    ms: 0.8,
    plateau: true,
  },
]

/** A report as an experiment could have it, the same for the same options; its figures are computed from made-up margins. */
export function toyReport({
  title = 'Black specks on made-up pellets',
  bare = false,
  testImages = 600,
}: ToyReportOptions = {}): ExperimentReport {
  const random = createRandom('toy report', 1)
  const models = networks
    .filter(({ role }) => !bare || role !== 'variant')
    .map((network) => toyModel(network, testImages, bare, random))
  const ensemble = toyFigures(4.4, testImages, bare, random).figures
  const part = (count: number, digest: string) => ({
    count,
    ok: Math.ceil(count / 2),
    ng: Math.floor(count / 2),
    groups: bare ? null : Math.ceil(count / 40),
    digest: digest.repeat(64),
  })
  return {
    formatVersion: reportFormatVersion,
    title,
    createdAt: '2026-03-01T12:00:00.000Z',
    commit: '0123456789abcdef0123456789abcdef01234567',
    machine: { processor: 'Made-up Processor 9000', threads: 2, runtime: 'ONNX Runtime 1.30.0' },
    data: {
      source: 'toy pellets',
      parts: { train: part(4200, 'a'), val: part(1200, 'b'), test: part(testImages, 'c') },
      standardisation: { mean: 87.3512, deviation: 61.0274 },
      split: 'divided 7:2:1 by class, groups kept together, seed 1',
      skipped: bare ? [] : [{ path: 'ng/broken<1>.png', reason: 'not an image & no picture' }],
      padded: bare ? 0 : 12,
    },
    settings: bare ? {} : toySettings,
    models,
    comparisons: bare ? [] : toyComparisons(models, ensemble),
    worst: bare ? [] : toyMistakes(random),
    ...(bare
      ? {}
      : {
          ensemble,
          seeds: toySeeds(random),
          schedules: {
            own: 'distilled',
            ownName: 'cosine with warm restarts',
            plateau: 'plateau',
          },
          sweep: toySweep(random),
          labelStudy: toyLabelStudy(random),
          heatmaps: toyHeatmaps(),
        }),
  }
}

const toySettings = {
  seed: 1,
  seeds: 5,
  teachers: { networks: ['vgg16', 'vgg19', 'resnet18'], training: { epochs: 20, batch: 64, baseRate: 1e-4 } },
  student: {
    training: {
      epochs: 100,
      batch: 64,
      baseRate: 1e-4,
      schedule: { kind: 'cosine', warmupEpochs: 1, restarts: [0.6] },
    },
  },
  distillation: { lambda: 0.7, temperature: 4, temperatureSquared: false, teachersSee: 'views' },
  targetRecall: 0.99,
}

/** Comparisons whose gains are those of the accuracies; their intervals and p-values are made up. */
function toyComparisons(models: readonly ReportedModel[], ensemble: ClassifierFigures): Comparison[] {
  const accuracy = (id: string) => (models.find((model) => model.id === id)?.test ?? ensemble).accuracy.value!
  const pairs = [
    ['plain', 'distilled', 0.2005],
    ['ensemble', 'distilled', 0.607],
    ['ensemble', 'plain', 0.0106],
  ] as const
  return pairs.map(([a, b, p]) => {
    const value = accuracy(b) - accuracy(a)
    const difference = Math.round(value * ensemble.count)
    return {
      a,
      b,
      onlyA: 9 + Math.max(0, -difference),
      onlyB: 9 + Math.max(0, difference),
      p,
      gain: {
        value,
        low: value - 0.0152,
        high: value + 0.0139,
        byGroups: { low: value - 0.0171, high: value + 0.0148 },
      },
    }
  })
}

interface ToyJudgement {
  readonly figures: ClassifierFigures
  readonly margins: Float32Array
  readonly labels: Uint8Array
}

function toyFigures(skill: number, count: number, bare: boolean, random: Random, threshold = 0): ToyJudgement {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const sizes = Float32Array.from(labels, (label) => (label === 1 ? 2 + 8 * random.uniform() ** 1.5 : 0))
  const margins = Float32Array.from(labels, (label, i) => {
    const shift = label === 1 ? skill / 2 + 0.25 * (sizes[i]! - 4) : -skill / 2
    return 1.6 * (shift + random.normal())
  })
  const confusion = countConfusion(margins, labels, threshold)
  const good = confusion.okAsOk + confusion.okAsNg
  const overkill = clopperPearson(confusion.okAsNg, good)
  const grouped = (estimate: Estimate) =>
    bare
      ? estimate
      : { ...estimate, byGroups: { low: (estimate.low ?? 0) - 0.004, high: Math.min(1, (estimate.high ?? 1) + 0.002) } }
  const { precision, recall, accuracy } = confusionRates(confusion)
  const figures: ClassifierFigures = {
    count,
    threshold,
    confusion,
    precision: grouped(precision),
    recall: grouped(recall),
    accuracy: grouped(accuracy),
    auc: grouped(rocAuc(margins, labels)),
    f1: grouped(f1Of(confusion)),
    overkillPpm: scale(overkill, 1e6),
    atPrevalence: [0.5, 1e-4].map((prevalence) => ({
      prevalence,
      ...ratesAtPrevalence({ recall, falsePositiveRate: overkill, prevalence }),
    })),
    ...(bare ? {} : { escapes: toyEscapes(margins, labels, sizes, threshold) }),
  }
  return { figures, margins, labels }
}

function scale({ value, low, high }: Estimate, factor: number): Estimate {
  const times = (number: number | null) => (number === null ? null : factor * number)
  return { value: times(value), low: times(low), high: times(high) }
}

function f1Of({ okAsNg, ngAsOk, ngAsNg }: Confusion): Estimate {
  const value = (2 * ngAsNg) / (2 * ngAsNg + okAsNg + ngAsOk)
  return { value, low: value - 0.012, high: Math.min(1, value + 0.01) }
}

function toyEscapes(margins: Float32Array, labels: Uint8Array, sizes: Float32Array, threshold: number) {
  const smallestSpeckPx = 3
  const rate = (from: number, to: number, at: number) => {
    const members = Array.from(sizes.keys()).filter((i) => sizes[i]! >= from && sizes[i]! < to)
    const missed = members.filter((i) => margins[i]! < at).length
    return { ...clopperPearson(missed, members.length), count: members.length, missed }
  }
  const good = Array.from(labels.keys()).filter((i) => labels[i] === 0)
  const steps = Array.from({ length: 60 }, (_, i) => 8 - 0.25 * i)
  return {
    smallestSpeckPx,
    all: rate(smallestSpeckPx, Infinity, threshold),
    bySize: [2, 3, 4.24, 6, 8.49].map((fromPx, i, edges) => {
      const toPx = edges[i + 1] ?? 12
      return { fromPx, toPx, ...rate(fromPx, toPx, threshold) }
    }),
    curve: steps.map((at) => ({
      overkillPpm: (1e6 * good.filter((i) => margins[i]! >= at).length) / good.length,
      escape: rate(smallestSpeckPx, Infinity, at).value ?? 0,
      escapeTwice: rate(2 * smallestSpeckPx, Infinity, at).value ?? 0,
    })),
  }
}

function toyModel(network: ToyNetwork, testImages: number, bare: boolean, random: Random): ReportedModel {
  const { id, label, role, parameters, multiplyAdds, skill } = network
  const test = toyFigures(skill, testImages, bare, random)
  const history = bare ? [] : toyHistory(network, random)
  const keptEpoch = history.reduce(
    (best, record) => (record.valAccuracy > (history[best - 1]?.valAccuracy ?? 0) ? record.epoch : best),
    1,
  )
  return {
    id,
    label,
    role,
    seed: 1,
    parameters,
    multiplyAdds,
    paperOperations: 2 * parameters,
    files: bare ? [] : toyFiles(network, test.figures),
    test: test.figures,
    ...(bare
      ? {}
      : { atTargetRecall: { ...toyFigures(skill, testImages, bare, random, -1.2).figures, targetRecall: 0.99 } }),
    calibration: toyCalibration(test),
    history,
    keptEpoch,
    trainingSeconds: role === 'teacher' ? 1900 : 640,
  }
}

function toyFiles({ id, role, parameters, ms }: ToyNetwork, test: ClassifierFigures): ReportedFile[] {
  const spread = (median: number) => ({ median, low: 0.97 * median, high: 1.06 * median })
  const file = (precision: ReportedFile['precision'], bytesEach: number, speed: number): ReportedFile => ({
    precision,
    file: `${id}-${precision}.onnx`,
    bytes: Math.round(parameters * bytesEach),
    sha256: 'd'.repeat(64),
    test: {
      ...test,
      accuracy: { ...test.accuracy, value: test.accuracy.value! - (precision === 'int8' ? 0.0017 : 0) },
    },
    time: { batch1: spread((1.6 * ms) / speed), batch64: spread(ms / speed) },
  })
  return role === 'teacher'
    ? [file('float32', 4, 1), file('int8Weights', 1, 1)]
    : [file('float32', 4, 1), file('float16', 2, 1), file('int8', 1, 2.7)]
}

function toyHistory({ role, skill, plateau = false }: ToyNetwork, random: Random): EpochRecord[] {
  const epochs = role === 'teacher' ? 20 : 100
  return Array.from({ length: epochs }, (_, i): EpochRecord => {
    const epoch = i + 1
    const progress = epoch / epochs
    const within = progress < 0.6 ? progress / 0.6 : (progress - 0.6) / 0.4
    const cosine = 0.5e-4 * (1 + Math.cos(Math.PI * within)) + 1e-6
    const rate = plateau ? 1e-4 * 0.1 ** Math.floor(progress * 2.5) : cosine
    const fall = Math.exp(-5 * progress)
    const valAccuracy = 0.9 + 0.017 * skill - 0.3 * fall + 0.012 * (random.uniform() - 0.5)
    return {
      epoch,
      loss: 0.03 + 0.6 * fall + 0.01 * random.uniform(),
      accuracy: 0.99 - 0.35 * fall,
      valLoss: 0.3 - 0.05 * skill + 0.5 * fall + 0.03 * random.uniform(),
      valAccuracy,
      rate,
      seconds: 6.4,
    }
  })
}

function toyCalibration({ margins, labels }: ToyJudgement): Calibration {
  const probabilities = Float64Array.from(margins, (margin) => 1 / (1 + Math.exp(-1.4 * margin)))
  let expectedError = 0
  const bins = Array.from({ length: 10 }, (_, bin) => {
    const members = Array.from(labels.keys()).filter((i) => Math.min(9, Math.floor(10 * probabilities[i]!)) === bin)
    const ng = members.filter((i) => labels[i] === 1).length
    const meanProbability =
      members.length === 0 ? (bin + 0.5) / 10 : members.reduce((sum, i) => sum + probabilities[i]!, 0) / members.length
    if (members.length > 0)
      expectedError += (members.length / labels.length) * Math.abs(ng / members.length - meanProbability)
    return {
      from: bin / 10,
      to: (bin + 1) / 10,
      count: members.length,
      meanProbability,
      ngShare: wilsonInterval(ng, members.length),
    }
  })
  return { expectedError, bins }
}
