import assert from 'node:assert/strict'
import test from 'node:test'
import { Verdict } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ensembleThreshold, joinTeachers, scoreFromMargin } from './ensemble.ts'

test('scoreFromMargin is the softmax score of NG of two logits', () => {
  const [ok, ng] = [0.3, 1.7]
  const softmax = Math.exp(ng) / (Math.exp(ok) + Math.exp(ng))
  assert.ok(Math.abs(scoreFromMargin(ng - ok) - softmax) < 1e-12)
  assert.equal(scoreFromMargin(-1000), 0)
  assert.equal(scoreFromMargin(1000), 1)
})

test('ensembleThreshold is one teacher own threshold as a score, one half for several, and what is configured', () => {
  assert.equal(ensembleThreshold([0]), 0.5)
  assert.equal(ensembleThreshold([2]), scoreFromMargin(2))
  assert.equal(ensembleThreshold([2, -3, 1]), 0.5)
  assert.equal(ensembleThreshold([2], 0.7), 0.7)
})

test('joinTeachers averages scores and not margins, so that no teacher decides by its scale', () => {
  const loud = joinTeachers([40, -2, -2], 0.5)
  assert.equal(loud.verdict, Verdict.OK)
  assert.ok(Math.abs(loud.ensembleScoreNg - (1 + 2 * scoreFromMargin(-2)) / 3) < 1e-12)
  assert.deepEqual(loud.margins, [40, -2, -2])
  assert.equal(joinTeachers([40, 1, -2], 0.5).verdict, Verdict.NG)
})

test('joinTeachers says OK at the threshold and NG above it', () => {
  const threshold = scoreFromMargin(1)
  assert.equal(joinTeachers([1], threshold).verdict, Verdict.OK)
  assert.equal(joinTeachers([1.001], threshold).verdict, Verdict.NG)
})
