import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createCostCurve } from './cost-curve.ts'

test('cost curve is straight between what was measured and goes on as it ends', () => {
  const curve = createCostCurve([
    { crops: 1, ms: 1 },
    { crops: 4, ms: 2.5 },
    { crops: 8, ms: 6.5 },
  ])
  assert.deepEqual([1, 2, 4, 6, 8, 10].map(curve.costMs), [1, 1.5, 2.5, 4.5, 6.5, 8.5])
})

test('cost curve takes the middle of repeated measurements, and one size alone scales', () => {
  const curve = createCostCurve([3, 90, 2].map((ms) => ({ crops: 4, ms })))
  assert.deepEqual([1, 4, 8].map(curve.costMs), [3, 3, 6])
})

test('cost curve never falls with size, whatever was measured and observed', () => {
  const time = fc.double({ min: 0.01, max: 100, noNaN: true })
  const sample = fc.record({ crops: fc.integer({ min: 1, max: 64 }), ms: time })
  fc.assert(
    fc.property(
      fc.array(sample, { minLength: 1, maxLength: 20 }),
      fc.array(sample, { maxLength: 40 }),
      (samples, later) => {
        const curve = createCostCurve(samples)
        for (const { crops, ms } of later) curve.observe(crops, ms)
        const costs = Array.from({ length: 80 }, (_, i) => curve.costMs(i + 1))
        for (const [i, cost] of costs.entries()) assert.ok(cost > 0 && cost >= (costs[i - 1] ?? 0) - 1e-9, `${costs}`)
      },
    ),
  )
})

test('cost curve finds the smallest size that is about as cheap per crop as any', () => {
  const samples = [1, 2, 4, 8, 16, 32].map((crops) => ({ crops, ms: 0.3 + 0.6 * crops }))
  const curve = createCostCurve(samples)
  assert.equal(curve.efficientSize(0.05), 8)
  assert.equal(curve.efficientSize(0), 32)
  assert.equal(curve.efficientSize(10), 1)
})

test('cost curve finds the largest batch that is done within a time, and learns that with the rest', () => {
  const curve = createCostCurve([1, 2, 4, 8, 16, 32].map((crops) => ({ crops, ms: 0.3 + 0.6 * crops })))
  assert.equal(curve.largestWithin(10, 32), 16)
  assert.equal(curve.largestWithin(10, 12), 12)
  assert.equal(curve.largestWithin(0.8, 32), 0)
  assert.equal(curve.largestWithin(Number.POSITIVE_INFINITY, 32), 32)
  for (let i = 0; i < 200; i++) for (const crops of [1, 2, 4, 8, 16, 32]) curve.observe(crops, 2 * (0.3 + 0.6 * crops))
  assert.equal(curve.largestWithin(10, 32), 7)
})

test('cost curve learns a machine that has become slower, and ignores what is no time', () => {
  const curve = createCostCurve([1, 8, 32].map((crops) => ({ crops, ms: crops })))
  for (let i = 0; i < 200; i++) for (const crops of [1, 8, 32]) curve.observe(crops, 2 * crops)
  for (const crops of [1, 8, 32]) assert.ok(Math.abs(curve.costMs(crops) - 2 * crops) < 0.1 * crops)
  const before = curve.points
  for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) curve.observe(8, ms)
  assert.deepEqual(curve.points, before)
})

test('cost curve refuses to be made of nothing or of nonsense', () => {
  for (const samples of [[], [{ crops: 0, ms: 1 }], [{ crops: 1, ms: 0 }], [{ crops: 1.5, ms: 1 }]]) {
    assert.throws(() => createCostCurve(samples), { code: 'invalid_argument' })
  }
})
