import { regularizedBeta } from './clopper-pearson.ts'

/**
 * Two-sided p value of McNemar's test (Psychometrika 12, 1947) of whether two classifiers are equally often right, from the
 * numbers of items that only the first and only the second judges right: under equality `onlyA` is binomial (onlyA + onlyB,
 * 1/2). Exact, twice the smaller tail: it never rejects equal classifiers more often than its level. It assumes that items
 * err independently: with images in groups compare intervals over groups instead.
 */
export function mcnemar(onlyA: number, onlyB: number): number {
  return Math.min(1, 2 * smallerTail(onlyA, onlyB))
}

/** P(X <= min(onlyA, onlyB)), X binomial (onlyA + onlyB, 1/2). */
function smallerTail(onlyA: number, onlyB: number): number {
  const fewer = Math.min(onlyA, onlyB)
  if (onlyA + onlyB === 0) return 1
  return regularizedBeta(0.5, Math.max(onlyA, onlyB), fewer + 1)
}
