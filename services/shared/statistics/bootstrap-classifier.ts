import { clusterBootstrap } from './cluster-bootstrap.ts'
import type { Estimate } from './interval.ts'

/** The five figures of a classifier's table, and the share of the OK items that are called NG. */
export type ClassifierFigure = 'precision' | 'recall' | 'accuracy' | 'auc' | 'f1' | 'falsePositiveRate'

export interface BootstrapClassifierOptions {
  /** Score per item, higher means NG. */
  readonly margins: ArrayLike<number>
  /** 0 = OK, 1 = NG. */
  readonly labels: ArrayLike<number>
  /** Margin from which an item is called NG. */
  readonly threshold: number
  /** Group of each item; -1: a group of its own. */
  readonly groups: ArrayLike<number>
  readonly resamples?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly confidence?: number
}

/** Precision, recall, accuracy, AUC, F1 and false positive rate with bootstrap intervals over groups; see `clusterBootstrap`. */
export function bootstrapClassifier(options: BootstrapClassifierOptions): Readonly<Record<ClassifierFigure, Estimate>> {
  const { margins, labels, threshold, ...rest } = options
  return clusterBootstrap({ ...rest, statistics: weightedFigures(margins, labels, threshold) })
}

/**
 * The figures of a classifier over items that count more than once or not at all, in one pass per call; NaN where there is
 * nothing to estimate from. AUC counts ties half.
 */
export function weightedFigures(
  margins: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold: number,
): (weights: ArrayLike<number>) => Record<ClassifierFigure, number> {
  const order = Uint32Array.from({ length: labels.length }, (_, i) => i).sort((a, b) => margins[a]! - margins[b]!)
  const calledFrom = order.findIndex((item) => margins[item]! >= threshold)
  const firstCalled = calledFrom < 0 ? order.length : calledFrom
  // Whether the margin at this place of the order begins a run of equal ones.
  const begins = Uint8Array.from(order, (item, at) => (at === 0 || margins[item]! > margins[order[at - 1]!]! ? 1 : 0))
  return (weights) => {
    let [ok, ng, okPassed, ngPassed] = [0, 0, 0, 0]
    let [pairs, okTied, ngTied] = [0, 0, 0]
    const endRun = () => {
      pairs += ngTied * (ok - okTied / 2)
      okTied = 0
      ngTied = 0
    }
    for (let at = 0; at < order.length; at++) {
      if (begins[at] === 1) endRun()
      if (at === firstCalled) [okPassed, ngPassed] = [ok, ng]
      const item = order[at]!
      const weight = weights[item]!
      if (labels[item] === 1) {
        ng += weight
        ngTied += weight
      } else {
        ok += weight
        okTied += weight
      }
    }
    endRun()
    if (firstCalled === order.length) [okPassed, ngPassed] = [ok, ng]
    const found = ng - ngPassed
    const called = found + ok - okPassed
    return {
      precision: found / called,
      recall: found / ng,
      accuracy: (okPassed + found) / (ok + ng),
      auc: pairs / (ok * ng),
      f1: (2 * found) / (ng + called),
      falsePositiveRate: (ok - okPassed) / ok,
    }
  }
}
