import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createLightFollower } from './follow-light.ts'

const width = 256

/** A strip of a belt, its light scaled. */
function strip(seed: number, gain = 1, pellets = 20): Uint8Array {
  return drawBelt({ width, rows: 128, pellets, seed }).pixels.map((gray) => gray * gain)
}

test('the first strip sets the threshold between bed and pellets', () => {
  const { threshold, bedLevel } = createLightFollower({ memoryStrips: 8 }).follow(strip(1), width)
  assert.ok(bedLevel >= 16 && bedLevel <= 24, `bed ${bedLevel}`)
  assert.ok(threshold > 70 && threshold < 130, `threshold ${threshold}`)
})

test('the threshold follows a lamp that dims, slowly', () => {
  const follower = createLightFollower({ memoryStrips: 8 })
  let { threshold: bright } = follower.follow(strip(1), width)
  for (let i = 2; i < 20; i++) bright = follower.follow(strip(i), width).threshold
  const first = follower.follow(strip(20, 0.5), width).threshold
  let last = first
  for (let i = 21; i < 80; i++) last = follower.follow(strip(i, 0.5), width).threshold
  assert.ok(Math.abs(first - bright) < 12, `${bright} became ${first} with one strip`)
  assert.ok(last < 0.65 * bright, `${bright} became ${last} under half the light`)
})

test('an empty belt keeps the last threshold that was sure', () => {
  const follower = createLightFollower({ memoryStrips: 2 })
  for (let i = 0; i < 6; i++) follower.follow(strip(i), width)
  let threshold = 0
  for (let i = 0; i < 60; i++) threshold = follower.follow(strip(i, 1, 0), width).threshold
  assert.ok(threshold > 70 && threshold < 130, `threshold ${threshold}`)
})

test('before any pellet the threshold keeps clear of the bed, and the first pellets set it', () => {
  const follower = createLightFollower({ memoryStrips: 64 })
  const empty = follower.follow(strip(1, 1, 0), width)
  assert.ok(empty.threshold >= empty.bedLevel + 32)
  assert.ok(follower.follow(strip(2), width).threshold > 70)
})

test('a strip without rows leaves the light as it is', () => {
  const follower = createLightFollower({ memoryStrips: 8 })
  const light = follower.follow(strip(1), width)
  assert.deepEqual(follower.follow(new Uint8Array(0), width), light)
})

const { NOMINAL, FOLLOWING, HELD, LOST } = FollowState

test('the light is nominal before any pellet, followed with pellets, held over an empty belt and followed again', () => {
  const follower = createLightFollower({ memoryStrips: 2 })
  const states: FollowState[] = []
  const run = (strips: number, pellets: number) => {
    for (let i = 0; i < strips; i++) states.push(follower.follow(strip(i + pellets, 1, pellets), width).state)
  }
  run(3, 0)
  run(6, 20)
  run(60, 0)
  run(6, 20)
  const changes = states.filter((state, at) => state !== states[at - 1])
  assert.deepEqual(changes, [NOMINAL, FOLLOWING, HELD, FOLLOWING])
})

/** State after `strips` of what is given behind twenty of a usual belt. */
function stateAfter(strips: number, look: (seed: number) => Uint8Array, memoryStrips = 64) {
  const follower = createLightFollower({ memoryStrips })
  for (let i = 0; i < 20; i++) follower.follow(strip(i), width)
  for (let i = 0; i < strips; i++) follower.follow(look(100 + i), width)
  return follower.light
}

test('a lamp that falls to a third at once is lost within strips, and found once the threshold has followed', () => {
  const dim = (seed: number) => strip(seed, 0.33)
  assert.equal(stateAfter(3, dim).state, FOLLOWING)
  const { state, reason } = stateAfter(6, dim)
  assert.equal(state, LOST)
  assert.match(reason, /pellets are at gray \d+, the threshold at \d+/)
  assert.equal(stateAfter(60, dim, 8).state, FOLLOWING)
})

test('a bed that rises to the threshold is lost', () => {
  const bright = (seed: number) => strip(seed).map((gray) => Math.min(255, gray + 95))
  const { state, reason } = stateAfter(6, bright)
  assert.equal(state, LOST)
  assert.match(reason, /the bed is at gray/)
})

test('fog, which leaves one broad hill of gray, is lost although nothing is like pellets', () => {
  const fog = (seed: number) => strip(seed).map((gray, i) => 45 + 0.08 * gray + ((i * 7919) % 60) - 30)
  const { state, reason } = stateAfter(6, fog)
  assert.equal(state, LOST)
  assert.match(reason, /are not told apart/)
})

test('an empty belt, dust, a dense one and one full strip are not taken for lost light', () => {
  const dusty = (seed: number) => strip(seed, 1, 0).map((gray, i) => (i % 4001 === 0 ? 70 : gray))
  for (const look of [(seed: number) => strip(seed, 1, 0), dusty, (seed: number) => strip(seed, 1, 90)]) {
    assert.notEqual(stateAfter(80, look).state, LOST)
  }
  assert.equal(stateAfter(1, () => new Uint8Array(width * 128).fill(180)).state, FOLLOWING)
})

test('a slow drift of the lamp is followed without being lost', () => {
  const follower = createLightFollower({ memoryStrips: 8 })
  for (let i = 0; i < 300; i++) {
    assert.notEqual(follower.follow(strip(i, 1 - 0.002 * Math.min(i, 250)), width).state, LOST, `strip ${i}`)
  }
})
