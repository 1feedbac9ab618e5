import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  chooseSessions,
  defaultShape,
  type MeasuredSessions,
  sessionCandidates,
  sessionsMargin,
} from './choose-sessions.ts'

const shapes = [
  { workers: 4, threadsPerWorker: 1 },
  { workers: 2, threadsPerWorker: 2 },
  { workers: 1, threadsPerWorker: 4 },
  { workers: 2, threadsPerWorker: 4 },
]

/** Shapes as above with their speeds, each in rounds. */
const measured = (...rounds: readonly (readonly number[])[]): MeasuredSessions[] =>
  rounds.map((cropsPerSecond, i) => ({ ...shapes[i]!, batch: 32, cropsPerSecond, loneMs: 2 }))

/** The same, each with the time of a lone crop. */
const withLone = (loneMs: readonly number[], ...rounds: readonly (readonly number[])[]): MeasuredSessions[] =>
  measured(...rounds).map((shape, i) => ({ ...shape, loneMs: loneMs[i]! }))

const shown = (cores: number) =>
  sessionCandidates(cores).map(({ workers, threadsPerWorker }) => `${workers}x${threadsPerWorker}`)

test('few shapes are candidates, the default first, each once, and none has more threads than two for each core', () => {
  assert.deepEqual(shown(1), ['1x1'])
  assert.deepEqual(shown(2), ['2x1', '1x2', '2x2'])
  assert.deepEqual(shown(4), ['4x1', '2x2', '1x4', '2x4'])
  assert.deepEqual(shown(16), ['4x1', '8x1', '8x2', '1x16', '2x16'])
  for (let cores = 1; cores <= 128; cores += 1) {
    const candidates = sessionCandidates(cores)
    assert.deepEqual(candidates[0], defaultShape(cores))
    assert.ok(candidates.length <= 5 && new Set(shown(cores)).size === candidates.length)
    assert.ok(candidates.every(({ workers, threadsPerWorker }) => workers * threadsPerWorker <= 2 * cores))
  }
})

test('the fastest is taken where the others are slower by more than the margin', () => {
  assert.equal(chooseSessions(measured([1120], [1000], [1000])), 0)
  assert.equal(chooseSessions(measured([1000], [1200], [1000])), 1)
  assert.equal(chooseSessions(measured([1000], [900], [1200])), 2)
  assert.equal(chooseSessions(measured([1060], [1000], [1000]), 0.05), 0)
})

test('of shapes that are as fast but for the margin the one with the fewest sessions is taken', () => {
  assert.equal(chooseSessions(measured([1000], [1050], [960])), 2)
  assert.equal(chooseSessions(measured([1000], [1050], [900])), 1)
})

test('of as many sessions the one that answers a lone crop sooner is taken', () => {
  assert.equal(chooseSessions(withLone([8, 4.5, 3, 2.5], [1000], [1050], [900], [1000])), 3)
  assert.equal(chooseSessions(withLone([8, 4.5, 3, 5], [1000], [1050], [900], [1000])), 1)
})

test('a round in which the whole machine was slow, or one shape was lucky, does not decide', () => {
  assert.equal(chooseSessions(measured([1000, 200, 1000], [880, 170, 880])), 0)
  assert.equal(chooseSessions(measured([1000, 1000, 1000], [880, 9000, 880])), 0)
})

test('whatever is measured, the choice is not slower than the default by more than the margin in the median round', () => {
  const rounds = fc.array(fc.double({ min: 1, max: 1e5, noNaN: true }), { minLength: 3, maxLength: 3 })
  const lone = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(rounds, { minLength: 1, maxLength: 4 }), lone, (all, loneMs) => {
      const chosen = chooseSessions(withLone(loneMs, ...all))
      const ratios = all[chosen]!.map((value, round) => value / all[0]![round]!).sort((a, b) => a - b)
      assert.ok(ratios[1]! >= (1 - 1e-9) / (1 + sessionsMargin))
    }),
  )
})

test('what was not measured in the same rounds is not compared', () => {
  for (const wrong of [[], measured([]), measured([1], [1, 2]), measured([1], [0])]) {
    assert.throws(() => chooseSessions(wrong), { code: 'internal' })
  }
})
