import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { largestMultiplied, quantiseWeights } from './quantise-weights.ts'

const weights = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 })).chain(([rows, columns]) =>
  fc
    .array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
      minLength: rows * columns,
      maxLength: rows * columns,
    })
    .map((values) => ({ dims: [rows, columns], data: Float32Array.from(values) })),
)

test('quantised weights are within half a scale of the real ones in every channel, along either axis', () => {
  fc.assert(
    fc.property(weights, fc.constantFrom(0, 1), (tensor, axis) => {
      const { data, scales, dims } = quantiseWeights(tensor, axis)
      assert.deepEqual(dims, tensor.dims)
      assert.equal(scales.length, tensor.dims[axis])
      for (const [i, weight] of tensor.data.entries()) {
        const scale = scales[axis === 0 ? Math.floor(i / tensor.dims[1]!) : i % tensor.dims[1]!]!
        assert.ok(scale > 0)
        // float32 rounds the scale itself: 127 of them may miss the largest weight by that much.
        assert.ok(Math.abs(data[i]! * scale - weight) <= 0.5001 * scale, `${weight} became ${data[i]} * ${scale}`)
      }
    }),
  )
})

test('quantised weights use the whole of their channel, and each channel its own scale', () => {
  const { data, scales } = quantiseWeights({ dims: [3, 2], data: Float32Array.of(1, -1, 0.001, 0.0005, 0, 0) }, 0)
  assert.deepEqual([...data], [127, -127, 127, 64, 0, 0])
  assert.ok(Math.abs(scales[0]! / scales[1]! - 1000) < 0.01)
  assert.ok(scales[2]! > 0)
})

test('quantised weights take the least scale that is asked for', () => {
  const { data, scales } = quantiseWeights({ dims: [2, 1], data: Float32Array.of(1e-30, 127) }, 0, {
    leastScale: (i) => [0.5, 0.5][i]!,
  })
  assert.deepEqual([...scales], [0.5, 1])
  assert.deepEqual([...data], [0, 127])
})

test('weights that integer kernels multiply stay within 64, where two products and a byte fit 16 bits', () => {
  const options = { largest: largestMultiplied }
  fc.assert(
    fc.property(weights, fc.constantFrom(0, 1), (tensor, axis) => {
      const { data, scales } = quantiseWeights(tensor, axis, options)
      for (const [i, weight] of tensor.data.entries()) {
        assert.ok(2 * 255 * Math.abs(data[i]!) < 2 ** 15)
        const scale = scales[axis === 0 ? Math.floor(i / tensor.dims[1]!) : i % tensor.dims[1]!]!
        assert.ok(Math.abs(data[i]! * scale - weight) <= 0.5001 * scale)
      }
    }),
  )
})
