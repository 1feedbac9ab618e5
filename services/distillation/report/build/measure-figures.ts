import type { CropDataset } from '../../../shared/dataset/crop-dataset.ts'
import {
  type BootstrapClassifierOptions,
  bootstrapClassifier,
  type ClassifierFigure,
} from '../../../shared/statistics/bootstrap-classifier.ts'
import { clopperPearson } from '../../../shared/statistics/clopper-pearson.ts'
import { confusionRates, countConfusion } from '../../../shared/statistics/confusion.ts'
import { f1Interval } from '../../../shared/statistics/f1-interval.ts'
import { ratesAtPrevalence } from '../../../shared/statistics/rates-at-prevalence.ts'
import { reliability } from '../../../shared/statistics/reliability.ts'
import { rocAuc } from '../../../shared/statistics/roc-auc.ts'
import { createRandom } from '../../training/random.ts'
import type { Calibration, ClassifierFigures, GroupedEstimate } from '../experiment-report.ts'
import { widestOf } from '../find-models.ts'
import { probabilityOf } from './combine-teachers.ts'
import { isGrouped } from './describe-data.ts'
import { traceEscapes } from './trace-escapes.ts'

/** Shares of NG at which precision, overkill and escapes are stated: as in a balanced test part, and 100 ppm as on a line. */
const prevalences = [0.5, 1e-4] as const
const calibrationBins = 15

export interface MeasureFiguresOptions {
  /** Default 3, px of the crop. */
  readonly smallestSpeckPx?: number
  /** Resamples of the bootstrap over groups; default 1,000. */
  readonly resamples?: number
}

/**
 * Everything that the report says of margins zNG - zOK at a threshold: Wilson's, DeLong's and exact intervals, those of a
 * bootstrap over groups where crops come in groups, and escapes where the sizes of specks are known.
 */
export function measureFigures(
  margins: Float32Array,
  { labels, speckPx, group }: Pick<CropDataset, 'labels' | 'speckPx' | 'group'>,
  threshold: number,
  { smallestSpeckPx = 3, resamples = 1000 }: MeasureFiguresOptions,
): ClassifierFigures {
  const confusion = countConfusion(margins, labels, threshold)
  const { okAsOk, okAsNg, ngAsOk, ngAsNg } = confusion
  const overkill = clopperPearson(okAsNg, okAsNg + okAsOk)
  const recall = clopperPearson(ngAsNg, ngAsNg + ngAsOk)
  const escapes = traceEscapes({ margins, labels, speckPx }, { threshold, smallestSpeckPx })
  const ordinary = {
    ...confusionRates(confusion),
    auc: rocAuc(margins, labels),
    f1: f1Interval(confusion),
    falsePositiveRate: overkill,
  }
  const { falsePositiveRate, ...figures } = isGrouped(group)
    ? addGroups(ordinary, { margins, labels, threshold, groups: group, resamples })
    : ordinary
  const rates = {
    recall: widestOf({ ...recall, ...pickGroups(figures.recall) }),
    falsePositiveRate: widestOf(falsePositiveRate),
  }
  return {
    count: labels.length,
    threshold,
    confusion,
    ...figures,
    overkillPpm: scale(falsePositiveRate, 1e6),
    atPrevalence: prevalences.map((prevalence) => ({ prevalence, ...ratesAtPrevalence({ ...rates, prevalence }) })),
    ...(escapes === undefined ? {} : { escapes }),
  }
}

type Figures = Readonly<Record<ClassifierFigure, GroupedEstimate>>

function addGroups(figures: Figures, options: Omit<BootstrapClassifierOptions, 'random'>): Figures {
  // Always the same resamples, so that a report repeats itself.
  const found = bootstrapClassifier({ ...options, random: createRandom('bootstrap over groups').uniform })
  const add = (name: keyof Figures): GroupedEstimate => {
    const { low, high } = found[name]
    return low === null || high === null ? figures[name] : { ...figures[name], byGroups: { low, high } }
  }
  return {
    precision: add('precision'),
    recall: add('recall'),
    accuracy: add('accuracy'),
    auc: add('auc'),
    f1: add('f1'),
    falsePositiveRate: add('falsePositiveRate'),
  }
}

function pickGroups({ byGroups }: GroupedEstimate): Pick<GroupedEstimate, 'byGroups'> {
  return byGroups === undefined ? {} : { byGroups }
}

function scale({ value, low, high, byGroups }: GroupedEstimate, factor: number): GroupedEstimate {
  const times = (share: number | null) => (share === null ? null : share * factor)
  return {
    value: times(value),
    low: times(low),
    high: times(high),
    ...(byGroups && { byGroups: { low: byGroups.low * factor, high: byGroups.high * factor } }),
  }
}

/** How far the softmax probability of NG is one: bins of equal width, empty ones left out, and their expected error. */
export function calibrate(margins: Float32Array, labels: Uint8Array): Calibration {
  const { bins, expectedError } = reliability(Float64Array.from(margins, probabilityOf), labels, {
    bins: calibrationBins,
  })
  return {
    expectedError: expectedError ?? 0,
    bins: bins.flatMap(({ from, to, count, stated, share }) =>
      stated === null ? [] : [{ from, to, count, meanProbability: stated, ngShare: share }],
    ),
  }
}
