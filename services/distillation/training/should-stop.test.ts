import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shouldStop } from './should-stop.ts'
import { parseTrainConfig, type TrainConfigInput } from './train-config.ts'

/** The epoch at which a training of 60 epochs ends whose validation loss is lowest in `best`. */
function lastEpoch(best: number, given: TrainConfigInput, stepsPerEpoch = 7): number {
  const config = parseTrainConfig({ epochs: 60, earlyStopping: { patience: 10 }, ...given })
  const length = { totalSteps: 60 * stepsPerEpoch, stepsPerEpoch }
  for (let done = 1; done < 60; done++) {
    const history = Array.from({ length: done }, (_, i) => ({
      ...{ epoch: i + 1, loss: 1, accuracy: 0.5, valAccuracy: 0.5, rate: 1e-3, seconds: 1 },
      valLoss: 1 + Math.abs(i + 1 - best),
    }))
    if (shouldStop(history, Math.min(done, best), config, length)) return done
  }
  return 60
}

test('training stops when the patience is used up, and a restart of the schedule renews it', () => {
  const restarted = (...restarts: number[]) => ({ schedule: { kind: 'cosine' as const, restarts } })
  for (const keepBest of ['loss', 'none'] as const) {
    assert.equal(lastEpoch(31, { keepBest, ...restarted() }), 41)
    assert.equal(lastEpoch(31, { keepBest, schedule: { kind: 'constant' } }), 41)
    // It starts again after epoch 36: ten epochs from there.
    assert.equal(lastEpoch(31, { keepBest, ...restarted(0.6) }), 46)
    assert.equal(lastEpoch(31, { keepBest, ...restarted(0.6, 0.7) }), 52)
    // A better epoch after the restart counts as ever, and a patience that ends before it is no longer.
    assert.equal(lastEpoch(39, { keepBest, ...restarted(0.6) }), 49)
    assert.equal(lastEpoch(20, { keepBest, ...restarted(0.6) }), 30)
  }
  // Within epoch 37, from its fourth step on: that epoch is the first of the new ones.
  assert.equal(lastEpoch(31, restarted(36.5 / 60)), 46)
  assert.equal(lastEpoch(31, { ...restarted(0.6), earlyStopping: null }), 60)
})
