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

const measured = (...rounds: readonly (readonly number[])[]): MeasuredSessions[] =>
  rounds.map((cropsPerSecond, i) => ({ workers: i + 1, threadsPerWorker: 1, batch: 32, cropsPerSecond, loneMs: 2 }))

/** The same, each with the time of a lone crop. */
const withLone = (loneMs: readonly number[], ...rounds: readonly (readonly number[])[]): MeasuredSessions[] =>
  measured(...rounds).map((shape, i) => ({ ...shape, loneMs: loneMs[i]! }))

const shown = (cores: number) =>
  sessionCandidates(cores).map(({ workers, threadsPerWorker }) => `${workers}x${threadsPerWorker}`)

test('few shapes are candidates, the default first, each once, and none has more threads than there are cores', () => {
  assert.deepEqual(shown(1), ['1x1'])
  assert.deepEqual(shown(2), ['2x1', '1x2'])
  assert.deepEqual(shown(4), ['4x1', '2x2', '1x4'])
  assert.deepEqual(shown(16), ['4x1', '8x1', '8x2', '1x16'])
  for (let cores = 1; cores <= 128; cores += 1) {
    const candidates = sessionCandidates(cores)
    assert.deepEqual(candidates[0], defaultShape(cores))
    assert.ok(candidates.length <= 4 && new Set(shown(cores)).size === candidates.length)
    assert.ok(candidates.every(({ workers, threadsPerWorker }) => workers * threadsPerWorker <= cores))
  }
})

test('the default stays unless another shape is faster by the margin', () => {
  assert.equal(chooseSessions(measured([1000, 1000, 1000], [1090, 1090, 1090])), 0)
  assert.equal(chooseSessions(measured([1000, 1000, 1000], [1110, 1110, 1110])), 1)
  assert.equal(chooseSessions(measured([1000], [900], [1200])), 2)
  assert.equal(chooseSessions(measured([1000], [1050]), 0.05), 1)
})

test('of equal shapes the first is taken', () => {
  assert.equal(chooseSessions(measured([1000], [1000], [1000])), 0)
  assert.equal(chooseSessions(measured([1000], [1500], [1500])), 1)
})

test('of shapes that are as fast but for the margin the one that answers a lone crop sooner is taken', () => {
  assert.equal(chooseSessions(withLone([8, 4.5], [1000], [950])), 1)
  assert.equal(chooseSessions(withLone([8, 7], [1000], [950])), 0)
  assert.equal(chooseSessions(withLone([8, 4.5], [1000], [850])), 0)
  // Not at the price of the speed that another one has over the default.
  assert.equal(chooseSessions(withLone([8, 8, 2], [1000], [1500], [1000])), 1)
  assert.equal(chooseSessions(withLone([8, 8, 2], [1000], [1500], [1400])), 2)
})

test('a round in which the whole machine was slow, or one shape was lucky, does not decide', () => {
  assert.equal(chooseSessions(measured([1000, 200, 1000], [1200, 240, 1200])), 1)
  assert.equal(chooseSessions(measured([1000, 1000, 1000], [1000, 9000, 1000])), 0)
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
