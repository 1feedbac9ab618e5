import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureClassifier } from './measure-classifier.ts'

test('escapes are counted from the smallest detectable speck on and by size, overkill per million good crops', () => {
  const crops = {
    margins: Float32Array.of(-1, 1, -1, -1, 2, 2, -2, 3),
    labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
    // The third crop has a speck below the smallest size: good by label, a miss of its size class.
    speckPx: Float32Array.of(0, 0, 2, 0, 4, 5, 4.1, 20),
  }
  const metrics = measureClassifier(crops, { threshold: 0, smallestSpeckPx: 4 })
  assert.deepEqual(metrics.confusion, { okAsOk: 3, okAsNg: 1, ngAsOk: 1, ngAsNg: 3 })
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
