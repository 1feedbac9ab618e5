import { studyLabels } from '../report/build/study-labels.ts'
import type {
  HeatmapFigure,
  LabelStudyCase,
  SeedFigures,
  SeedStudy,
  SweepPoint,
  WorstMistake,
} from '../report/experiment-report.ts'
import type { Random } from '../training/random.ts'
import { toyCrops } from './toy-crops.ts'

/** Five seeds with a gain that may be none. */
export function toySeeds(random: Random): SeedStudy {
  const names = ['precision', 'recall', 'accuracy', 'auc', 'f1'] as const
  const estimate = (values: readonly number[], half: number) => {
    const value = values.reduce((sum, one) => sum + one, 0) / values.length
    return { value, low: value - half, high: value + half, values }
  }
  const draw = (centre: number) => Array.from({ length: 5 }, () => centre + 0.006 * (random.uniform() - 0.5))
  const pairs = names.map((name) => ({ name, plain: draw(0.962), distilled: draw(0.967) }))
  const build = (pick: (pair: (typeof pairs)[number]) => readonly number[], half: number) =>
    Object.fromEntries(pairs.map((pair) => [pair.name, estimate(pick(pair), half)])) as unknown as SeedFigures
  const gain = build(({ plain, distilled }) => distilled.map((value, i) => value - plain[i]!), 0.0052)
  const distilled = build((pair) => pair.distilled, 0.0028)
  const overTeachers = estimate(
    distilled.accuracy.values.map((value) => value - 0.968),
    0.0028,
  )
  return {
    count: 5,
    plain: build(({ plain }) => plain, 0.0031),
    distilled,
    overTeachers: {
      ...overTeachers,
      overImages: { low: overTeachers.low - 0.001, high: overTeachers.high, by: 'groups' },
    },
    gain: {
      ...gain,
      accuracy: { ...gain.accuracy, overImages: { low: gain.accuracy.value! - 0.0061, high: 0.0101, by: 'groups' } },
    },
  }
}

/** Four temperatures by four lambdas, with and without T^2. */
export function toySweep(random: Random): SweepPoint[] {
  return [false, true].flatMap((temperatureSquared) =>
    [1, 2, 4, 8].flatMap((temperature) =>
      [0.3, 0.5, 0.7, 0.9].map((lambda) => {
        const valAccuracy =
          0.966 - 0.004 * Math.abs(Math.log2(temperature / 4)) - 0.03 * (lambda - 0.7) ** 2 + 0.004 * random.uniform()
        return {
          temperature,
          lambda,
          temperatureSquared,
          epochs: 20,
          valLoss: 0.1 + 3 * (1 - valAccuracy),
          valAccuracy,
          valAuc: 0.5 + valAccuracy / 2,
        }
      }),
    ),
  )
}

/** Three seeds at few and at wrong labels, judged on 600 images in groups of twenty. */
export function toyLabelStudy(random: Random): LabelStudyCase[] {
  const cases = [
    [1, 0],
    [0.25, 0],
    [0.1, 0],
    [1, 0.1],
    [1, 0.2],
  ] as const
  const labels = Uint8Array.from({ length: 600 }, (_, i) => i % 2)
  const group = Int32Array.from(labels, (_, i) => Math.floor(i / 20))
  const judge = (accuracy: number) =>
    Float32Array.from(labels, (label) => (random.uniform() < accuracy === (label === 1) ? 1 : -1))
  return cases.map(([labelShare, noiseShare]) => {
    const loss = 0.03 * -Math.log10(labelShare) + 0.25 * noiseShare
    const students = [1, 2, 3].map((seed) => ({
      seed,
      plain: judge(0.963 - 1.7 * loss),
      distilled: judge(0.968 - loss),
    }))
    return studyLabels(
      { labelShare, noiseShare, students, teachers: judge(0.971 - 0.9 * loss), teacherNames: ['VGG-16', 'ResNet-18'] },
      { labels, group },
      200,
    )
  })
}

const heatLayers = ['stem2', 'block1.second', 'block2.second', 'block3.second']

/** Eight toy crops, plain and distilled student, four layers. */
export function toyHeatmaps(): HeatmapFigure {
  const crops = toyCrops(8, 7)
  return {
    target: 'NG',
    layers: heatLayers,
    crops: Array.from({ length: 8 }, (_, index) => {
      const ng = crops.labels[index] === 1
      const pixels = crops.pixels.subarray(index * 2500, (index + 1) * 2500)
      const view = (model: string, spread: number, probability: number) => ({
        model,
        probability,
        heat: heatLayers.map((_, layer) => base64(toyHeat(pixels, spread * (2 + 2.5 * layer), ng))),
      })
      const probability = ng ? 0.93 : 0.03
      return {
        index,
        label: ng ? ('NG' as const) : ('OK' as const),
        pixels: base64(pixels),
        views: [view('plain', 1.3, probability), view('distilled', 1, ng ? 0.99962 : 0.00004)],
      }
    }),
  }
}

/** A bell around the darkest inner region for NG, around the rim for OK. */
function toyHeat(pixels: Uint8Array, spread: number, ng: boolean): Uint8Array {
  let [x, y, n] = [0, 0, 0]
  for (let k = 0; k < pixels.length; k++) {
    if (pixels[k]! < 20 || pixels[k]! > 60) continue
    x += k % 50
    y += Math.floor(k / 50)
    n++
  }
  const [cx, cy] = n === 0 ? [25, 25] : [x / n, y / n]
  return Uint8Array.from(pixels, (_, k) => {
    const distance = Math.hypot((k % 50) - cx, Math.floor(k / 50) - cy)
    return Math.round(255 * Math.exp(-((ng ? distance : distance - 18) ** 2) / (2 * spread ** 2)))
  })
}

/** Twenty toy crops as mistakes. */
export function toyMistakes(random: Random): WorstMistake[] {
  const crops = toyCrops(20, 11)
  return Array.from({ length: 20 }, (_, index) => {
    const label = crops.labels[index] === 1 ? ('NG' as const) : ('OK' as const)
    const certainty = 0.9996 - 0.02 * index * random.uniform()
    return {
      model: index % 3 === 0 ? 'plain' : 'distilled',
      index,
      label,
      probability: label === 'NG' ? 1 - certainty : certainty,
      pixels: base64(crops.pixels.subarray(index * 2500, (index + 1) * 2500)),
    }
  })
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
