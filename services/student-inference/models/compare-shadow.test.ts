import assert from 'node:assert/strict'
import test from 'node:test'
import { createShadowCounter } from './compare-shadow.ts'

test('a shadow is compared verdict by verdict, each model at its own threshold, and by its margins', () => {
  const counter = createShadowCounter({ id: 'm', sha256: '' })
  counter.add({ margins: [0, 2, 2, 0], threshold: 1 }, { margins: [0.5, 2.5, 1, 3], threshold: 2 })
  counter.add({ margins: [1, Number.NaN], threshold: 1 }, { margins: [2, 0], threshold: 2 })
  counter.skip(7)
  assert.deepEqual(counter.read(), {
    compared: 5,
    skipped: 8,
    okToNg: 1,
    ngToOk: 1,
    meanDifference: (0.5 + 0.5 - 1 + 3 + 1) / 5,
    meanAbsoluteDifference: (0.5 + 0.5 + 1 + 3 + 1) / 5,
    largestDifference: 3,
  })
})
