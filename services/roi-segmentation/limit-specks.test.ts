import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpeckColumns } from './kernel/types.ts'
import { limitSpecks, maxSpecksPerPart } from './limit-specks.ts'

/** Columns in which pellet p has counts[p] specks. */
function specksOf(counts: readonly number[]): SpeckColumns {
  const pellet = Int32Array.from(counts.flatMap((count, p) => new Array<number>(count).fill(p)))
  const { length } = pellet
  const floats = () => new Float32Array(length)
  return {
    count: length,
    pellet,
    areaPx: new Int32Array(length),
    equivalentDiameterPx: floats(),
    contrast: floats(),
    x: floats(),
    y: floats(),
    atRim: new Uint8Array(length),
  }
}

test('specks of a part are all carried where they fit', () => {
  assert.deepEqual(limitSpecks(specksOf([2, 0, 3])), [0, 1, 2, 3, 4])
  assert.deepEqual(limitSpecks(specksOf([])), [])
  assert.equal(limitSpecks(specksOf(new Array(64).fill(16))).length, maxSpecksPerPart)
})

test('of too many specks the largest of every pellet are carried', () => {
  assert.deepEqual(limitSpecks(specksOf([3, 1, 3]), 5), [0, 1, 3, 4, 5])
  assert.deepEqual(limitSpecks(specksOf([3, 1, 3]), 4), [0, 3, 4])
  const kept = limitSpecks(specksOf(new Array(384).fill(16)))
  assert.equal(kept.length, 768)
  assert.ok(kept.every((i) => i % 16 < 2))
})
