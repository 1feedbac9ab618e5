import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureRelease } from './measure-release.ts'

const rule = { threshold: 0.5, smallestSpeckPx: 3, inferiority: 0.01 }
const all = {
  margins: Float32Array.of(-1, 0.6, -1, -1, 1, 0.4, 1, -1),
  labels: Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1),
  speckPx: Float32Array.of(0, 0, 0, 0, 3, 4, 6, 7),
}

test('release counts overkill and escapes from the smallest size and from twice it on, with exact intervals', () => {
  const { overkill, escapes, escapesTwice, bySize, against } = measureRelease(
    { all, compared: { ...all, labels: new Uint8Array() }, others: [] },
    rule,
  )
  assert.deepEqual([overkill.hits, overkill.count, overkill.value], [1, 4, 0.25])
  assert.deepEqual([escapes.hits, escapes.count], [2, 4])
  assert.deepEqual([escapesTwice.hits, escapesTwice.count], [1, 2])
  assert.ok(escapesTwice.low! > 0.0125 && escapesTwice.low! < 0.0127)
  assert.equal(
    bySize.reduce((sum, { count }) => sum + count, 0),
    4,
  )
  assert.equal(against, undefined)
})

test('release is not inferior only where the whole interval lies above the margin', () => {
  const count = 20_000
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const speckPx = Float32Array.from(labels, (label) => 6 * label)
  /** Right on all but the first `wrong` pellets. */
  const marginsOf = (wrong: number) =>
    Float32Array.from(labels, (label, i) => (i < wrong ? 1 - 2 * label : 2 * label - 1))
  const allRight = marginsOf(0)
  const againstWith = (wrong: number) => {
    const compared = { margins: marginsOf(wrong), labels, speckPx }
    const ensemble = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 1 ? allRight[i >> 1]! : 0))
    return measureRelease({ all, compared, others: [ensemble] }, rule).against!
  }
  const near = againstWith(100)
  assert.deepEqual([near.ensembleAccuracy, near.studentAccuracy, near.paired.onlyA], [1, 0.995, 100])
  assert.equal(near.notInferior, true)
  assert.equal(againstWith(190).notInferior, false)
  assert.equal(againstWith(300).notInferior, false)
})
