import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureClassifier } from './measure-classifier.ts'

test('escapes are counted from the smallest detectable speck on and by size, overkill per million good crops', () => {
  const crops = {
    margins: Float32Array.of(-1, 1, -1, -1, 2, 2, -2, 3, -1),
    labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1),
    // The last crop has a speck below the smallest size: a miss of its size class alone.
    speckPx: Float32Array.of(0, 0, 0, 0, 4, 5, 4.1, 20, 2),
  }
  const metrics = measureClassifier(crops, { threshold: 0, smallestSpeckPx: 4 })
  assert.deepEqual(metrics.confusion, { okAsOk: 3, okAsNg: 1, ngAsOk: 2, ngAsNg: 3 })
  assert.equal(metrics.overkill.ppm, 250_000)
  assert.equal(metrics.overkill.goodCrops, 4)
  assert.deepEqual([metrics.escape?.missed, metrics.escape?.count, metrics.escape?.rate], [1, 4, 0.25])
  assert.deepEqual(
    metrics.escape?.bySize.map(({ fromPx, count, missed }) => [Number(fromPx.toFixed(2)), count, missed]),
    [
      [2, 1, 1],
      [4, 3, 1],
      [16, 1, 0],
    ],
  )
})

test('a large speck of a crop labelled OK, too faint to count, is no escape', () => {
  const { escape: escapes } = measureClassifier(
    {
      margins: Float32Array.of(-1, -1, 2, -2),
      labels: Uint8Array.of(0, 0, 1, 1),
      speckPx: Float32Array.of(9, 2, 9, 9),
    },
    { threshold: 0, smallestSpeckPx: 4 },
  )
  assert.deepEqual([escapes?.count, escapes?.missed], [2, 1])
  assert.deepEqual(
    escapes?.bySize.map(({ count, missed }) => [count, missed]),
    [[2, 1]],
  )
})

test('escapes are left out where no speck size is known', () => {
  const unknown = new Float32Array(2).fill(Number.NaN)
  const metrics = measureClassifier(
    { margins: Float32Array.of(-1, 1), labels: Uint8Array.of(0, 1), speckPx: unknown },
    { threshold: 0, smallestSpeckPx: 4 },
  )
  assert.equal('escape' in metrics, false)
})

test('classifier without a crop of a class has null where there is nothing to estimate from', () => {
  const metrics = measureClassifier(
    { margins: Float32Array.of(-1), labels: Uint8Array.of(0), speckPx: new Float32Array(1) },
    { threshold: 0, smallestSpeckPx: 4 },
  )
  assert.deepEqual([metrics.recall.value, metrics.auc.value, metrics.overkill.ppm], [null, null, 0])
})
