import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findPeak, scaleHeatmap } from './scale-heatmap.ts'

test('enlarged heatmap lies between its own extremes, and is symmetric where it is', () => {
  const heatmaps = fc
    .integer({ min: 1, max: 25 })
    .chain((width) =>
      fc
        .integer({ min: 1, max: 25 })
        .chain((height) =>
          fc
            .array(fc.float({ min: 0, max: 10, noNaN: true }), { minLength: width * height, maxLength: width * height })
            .map((values) => ({ width, height, values: Float32Array.from(values) })),
        ),
    )
  fc.assert(
    fc.property(heatmaps, (heatmap) => {
      const { values } = scaleHeatmap(heatmap)
      const [low, high] = [Math.min(...heatmap.values), Math.max(...heatmap.values)]
      assert.equal(values.length, 2500)
      assert.ok(values.every((value) => value >= low - 1e-5 && value <= high + 1e-5))
      const turned = scaleHeatmap({ ...heatmap, values: heatmap.values.toReversed() }).values.toReversed()
      assert.ok(turned.every((value, i) => Math.abs(value - values[i]!) < 1e-5))
    }),
    { numRuns: 50 },
  )
})

test('enlarged heatmap rises evenly between the centres of its pixels', () => {
  const { values } = scaleHeatmap({ width: 2, height: 1, values: Float32Array.of(0, 25) })
  // Centres at 12.5 and 37.5 px: pixel 12 has its centre on the first, pixel 37 on the second.
  assert.deepEqual(
    [0, 12, 13, 24, 25, 37, 49].map((x) => values[x]),
    [0, 0, 1, 12, 13, 25, 25],
  )
})

test('enlarged heatmap of 50 pixels is the same', () => {
  const values = Float32Array.from({ length: 2500 }, (_, i) => (i * 37) % 101)
  assert.deepEqual(scaleHeatmap({ width: 50, height: 50, values }).values, values)
})

test('peak is the centre of the largest pixel in pixels of the crop', () => {
  const values = new Float32Array(9)
  values[5] = 2
  const { x, y, value } = findPeak({ width: 3, height: 3, values })
  assert.ok(Math.abs(x - 125 / 3) < 1e-9)
  assert.deepEqual([y, value], [25, 2])
})
