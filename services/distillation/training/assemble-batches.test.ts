import assert from 'node:assert/strict'
import { test } from 'node:test'
import { studentNetwork } from '../networks/student.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { assembleBatches, stepsPerEpoch } from './assemble-batches.ts'
import { createRandom, shuffled } from './random.ts'

const crops = toyCrops(20, 4)
const network = studentNetwork({ widths: [16, 16, 16, 16], hidden: 8, dropout: 0.25 })
const options = {
  seed: 3,
  batchSize: 8,
  augmentation: { flips: true, shiftPx: 1, gain: 0.1, offset: 3, blurProbability: 0.3, noise: 2 },
}

test('an epoch shows every crop once and fills its last batch from its beginning', () => {
  assert.equal(stepsPerEpoch(20, 8), 3)
  const { indices, targets } = assembleBatches(crops, network, options, 3, 3)
  assert.deepEqual(
    [...indices.subarray(0, 20)].sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.deepEqual(indices.subarray(20), indices.subarray(0, 4))
  for (const [place, index] of indices.entries()) assert.equal(targets[2 * place + crops.labels[index]!], 1)
  assert.equal(
    targets.reduce((sum, target) => sum + target, 0),
    24,
  )
})

test('batches depend on seed and step only, not on how many are assembled at once', () => {
  const together = assembleBatches(crops, network, options, 1, 5)
  const size = { images: 8 * 2500, mask: 8 * 16 }
  for (let i = 0; i < 5; i++) {
    const alone = assembleBatches(crops, network, options, 1 + i, 1)
    assert.deepEqual(alone.images, together.images.slice(i * size.images, (i + 1) * size.images))
    assert.deepEqual(alone.indices, together.indices.slice(8 * i, 8 * i + 8))
    assert.deepEqual(
      alone.masks.get('dropout1'),
      together.masks.get('dropout1')!.slice(i * size.mask, (i + 1) * size.mask),
    )
  }
  const other = assembleBatches(crops, network, { ...options, seed: 4 }, 1, 5)
  assert.notDeepEqual(other.indices, together.indices)
})

test('dropout masks drop the rate of their layer and keep the expectation', () => {
  const { masks } = assembleBatches(crops, network, options, 0, 200)
  assert.deepEqual([...masks.keys()], ['dropout1', 'dropout2'])
  for (const mask of masks.values()) {
    assert.deepEqual([...new Set(mask)].sort(), [0, Math.fround(1 / 0.75)])
    const mean = mask.reduce((sum, value) => sum + value, 0) / mask.length
    assert.ok(Math.abs(mean - 1) < 0.02, `mean ${mean}`)
  }
})

test('crops go in as they are without augmentation', () => {
  const { images, indices } = assembleBatches(crops, network, { ...options, augmentation: undefined }, 0, 1)
  const first = indices[0]! * 2500
  assert.deepEqual(images.subarray(0, 2500), crops.pixels.subarray(first, first + 2500))
})

test('random numbers repeat by their keys, are uniform and normal in their moments, and shuffle without loss', () => {
  const draw = (...keys: (string | number)[]) => {
    const random = createRandom(...keys)
    return Array.from({ length: 20_000 }, () => random.uniform())
  }
  assert.deepEqual(draw(1, 'a'), draw(1, 'a'))
  assert.notDeepEqual(draw(1, 'a'), draw(1, 'b'))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  assert.ok(Math.abs(mean(draw(5)) - 0.5) < 0.01)
  const random = createRandom('normal')
  const normals = Array.from({ length: 20_000 }, () => random.normal())
  assert.ok(Math.abs(mean(normals)) < 0.03)
  assert.ok(Math.abs(mean(normals.map((value) => value ** 2)) - 1) < 0.05)
  assert.equal(new Set(shuffled(500, createRandom(1))).size, 500)
})
