import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { createAreaFollower } from './follow-area.ts'
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

test('the median area stays the nominal one until enough pellets were seen, then follows the newest', () => {
  const follower = createAreaFollower({ window: 10, minSamples: 4 })
  follower.restart(200)
  follower.take([300, 310, 320])
  assert.equal(follower.size.medianAreaPx, 200)
  follower.take([330])
  assert.equal(follower.size.medianAreaPx, 315)
  follower.take(Array<number>(10).fill(500))
  assert.equal(follower.size.medianAreaPx, 500)
  follower.take([9_000, 10_000])
  assert.equal(follower.size.medianAreaPx, 500)
  follower.restart(120)
  assert.equal(follower.size.medianAreaPx, 120)
})
