import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseBrokenState, refuseNotFinite } from './refuse-not-finite.ts'

const place = { step: 12, epoch: 2, rate: 0.5, checkpoint: 'out/last.checkpoint' }

test('number that is not finite stops a training with its place and the last good checkpoint', () => {
  refuseNotFinite('loss', 3, place)
  assert.throws(() => refuseNotFinite('validation loss', Number.NaN, place), {
    code: 'failed_precondition',
    message: /^the validation loss is NaN at step 12 \(epoch 2, learning rate 0\.5\); the last good state is out\/last/,
  })
  assert.throws(() => refuseNotFinite('loss', Infinity, { ...place, checkpoint: undefined }), {
    message: /there is no good checkpoint yet: train with a lower/,
  })
})

test('state with one broken number is refused by the name of its tensor', () => {
  const sound = ['a', Float32Array.of(0, -1e38, 1e-45)] as const
  refuseBrokenState(new Map([sound]), place)
  for (const broken of [Number.NaN, Infinity, -Infinity]) {
    assert.throws(() => refuseBrokenState(new Map([sound, ['b', Float32Array.of(1, broken)]]), place), {
      code: 'failed_precondition',
      message: /^the state b is NaN at step 12/,
    })
  }
})
