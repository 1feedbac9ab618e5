import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { chooseBatch, shareBatch } from './choose-batch.ts'

const two = { maxBatch: 32, workers: 2, slots: 4 }

test('chooseBatch gives an idle worker what has queued, without waiting for a full batch', () => {
  assert.deepEqual(chooseBatch({ ...two, queued: [1, 0], inFlight: 1 }), [1, 0])
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 20], inFlight: 1 }), [0, 20])
})

test('chooseBatch splits what has queued over several idle workers', () => {
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 33], inFlight: 0 }), [0, 17])
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 500], inFlight: 0 }), [0, 32])
})

test('chooseBatch hands a busy worker a second batch only when it is full', () => {
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 31], inFlight: 2 }), [0, 0])
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 32], inFlight: 2 }), [0, 32])
})

test('chooseBatch starts nothing while every slot is taken or nothing waits', () => {
  assert.deepEqual(chooseBatch({ ...two, queued: [500, 500], inFlight: 4 }), [0, 0])
  assert.deepEqual(chooseBatch({ ...two, queued: [0, 0], inFlight: 0 }), [0, 0])
})

test('shareBatch lets a single caller in beside a backlog of thousands', () => {
  assert.deepEqual(shareBatch(32, [1, 4000]), [1, 31])
  assert.deepEqual(shareBatch(32, [4000, 4000]), [16, 16])
  assert.deepEqual(shareBatch(1, [4000, 4000]), [1, 0])
})

test('shareBatch fills the batch as far as there are crops and takes none that is not there', () => {
  fc.assert(
    fc.property(fc.nat(64), fc.array(fc.nat(100), { minLength: 1, maxLength: 5 }), (size, queued) => {
      const taken = shareBatch(size, queued)
      const total = queued.reduce((sum, count) => sum + count, 0)
      assert.equal(
        taken.reduce((sum, count) => sum + count, 0),
        Math.min(size, total),
      )
      for (const [lane, count] of taken.entries()) assert.ok(count >= 0 && count <= queued[lane]!)
    }),
  )
})
