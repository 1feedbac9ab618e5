import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRival } from './compare-rival.ts'

// Four good pellets, then four with specks.
const all = {
  margins: Float32Array.of(-1, 0.6, -2, -1, 1, 0.4, 1, -1),
  labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
  speckPx: Float32Array.of(0, 0, 0, 0, 3, 4, 6, 7),
}
const rule = { threshold: 0.5, rivalThreshold: 0, smallestSpeckPx: 3, inferiority: 0.01 }

test('rival is measured at its own threshold and at the lowest that overkills no more than the student', () => {
  // At 0 it calls two good pellets NG; one is what the student does, so it may go down to 0.25.
  const rival = Float32Array.of(0.2, 0.9, -2, -1, 0.3, 0.25, 0.1, 2)
  const { overkill, escapes, atLikeOverkill } = compareRival(all, rival, rule)
  assert.deepEqual([overkill.hits, escapes.hits], [2, 0])
  assert.equal(atLikeOverkill.threshold, 0.25)
  assert.deepEqual([atLikeOverkill.overkill.hits, atLikeOverkill.escapes.hits], [1, 1])
  // The student misses 4 and 7 px, the rival 6 px.
  assert.deepEqual([atLikeOverkill.found.onlyA, atLikeOverkill.found.onlyB], [2, 1])
  assert.equal(atLikeOverkill.found.gain.value, -0.25)
  assert.ok(Math.abs(atLikeOverkill.found.p - 1) < 1e-12)
})

test('a good pellet that ties with a speck is not called NG for the sake of the speck', () => {
  const rival = Float32Array.of(0.9, 0.9, -2, -1, 0.9, 0.95, 0.1, 2)
  const { atLikeOverkill } = compareRival(all, rival, rule)
  assert.equal(atLikeOverkill.threshold, Math.fround(0.95))
  assert.deepEqual([atLikeOverkill.overkill.hits, atLikeOverkill.escapes.hits], [0, 2])
})

test('a student that calls every good pellet NG leaves its rival free to do so', () => {
  const { atLikeOverkill } = compareRival(all, all.margins, { ...rule, threshold: -5 })
  assert.equal(atLikeOverkill.overkill.hits, 4)
  assert.equal(atLikeOverkill.escapes.hits, 0)
})

test('a rival all of whose specks lie below the good pellets finds none at like overkill', () => {
  const rival = Float32Array.of(5, 5, 5, 5, 1, 1, 1, 1)
  const { atLikeOverkill } = compareRival(all, rival, rule)
  assert.deepEqual([atLikeOverkill.overkill.hits, atLikeOverkill.escapes.hits], [0, 4])
})
