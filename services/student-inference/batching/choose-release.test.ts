import assert from 'node:assert/strict'
import test from 'node:test'
import { chooseRelease, type ReleaseSituation } from './choose-release.ts'

const two: ReleaseSituation = {
  queued: 0,
  idle: 2,
  inFlight: 0,
  slots: 4,
  maxBatch: 32,
  efficientBatch: 8,
  patientBatch: 16,
  draining: false,
}
const choose = (situation: Partial<ReleaseSituation>) => {
  const release = chooseRelease({ ...two, ...situation })
  return release.kind === 'wait' ? 'wait' : `${release.size} ${release.reason}`
}

test('an idle worker takes what there is, its share where several are idle, without waiting for company', () => {
  assert.equal(choose({ queued: 1, idle: 1, inFlight: 1 }), '1 idle')
  assert.equal(choose({ queued: 5 }), '3 idle')
  assert.equal(choose({ queued: 5, draining: true }), '3 drain')
})

test('batches are as large as is efficient, and grow with the queue as far as the most impatient can bear', () => {
  assert.equal(choose({ queued: 8, idle: 1, inFlight: 1 }), '8 full')
  assert.equal(choose({ queued: 12, idle: 1, inFlight: 1 }), '12 full')
  assert.equal(choose({ queued: 12 }), '6 idle')
  assert.equal(choose({ queued: 500 }), '16 full')
  assert.equal(choose({ queued: 500, patientBatch: 3 }), '8 full')
  assert.equal(choose({ queued: 500, patientBatch: 64 }), '32 full')
  assert.equal(choose({ queued: 500, efficientBatch: 64 }), '32 full')
})

test('a busy worker is handed a second batch only when that is full', () => {
  assert.equal(choose({ queued: 7, idle: 0, inFlight: 2 }), 'wait')
  assert.equal(choose({ queued: 8, idle: 0, inFlight: 2 }), '8 full')
})

test('an idle worker takes what there is while another holds two batches', () => {
  assert.equal(choose({ queued: 1, idle: 1, inFlight: 2 }), '1 idle')
})

test('nothing is started while every slot is taken or nothing waits', () => {
  assert.equal(choose({ queued: 500, idle: 0, inFlight: 4 }), 'wait')
  assert.equal(choose({ queued: 0 }), 'wait')
  assert.equal(choose({ queued: 0, draining: true }), 'wait')
})
