import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTestRandom } from '../../test/support/draw-belt.ts'
import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createAreaFollower } from './follow-area.ts'

const { NOMINAL, FOLLOWING, HELD, LOST } = FollowState

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

const random = createTestRandom(3)

/** Areas whose logarithms are normal around a middle. */
function areasOf(middle: number, count: number, spread = 0.12): number[] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Array.from({ length: count }, () => middle * Math.exp(spread * normal()))
}

function followerOf(middle: number) {
  const follower = createAreaFollower({ window: 512, minSamples: 100 })
  follower.restart(800)
  for (let strip = 0; strip < 60; strip++) follower.take(areasOf(middle, 20))
  return follower
}

test('the size is nominal until enough pellets were seen, followed, held while none comes', () => {
  const follower = createAreaFollower({ window: 512, minSamples: 100 })
  follower.restart(800)
  follower.take(areasOf(1000, 99))
  assert.equal(follower.size.state, NOMINAL)
  follower.take(areasOf(1000, 1))
  assert.equal(follower.size.state, FOLLOWING)
  for (let strip = 0; strip < 63; strip++) follower.take([])
  assert.equal(follower.size.state, FOLLOWING)
  follower.take([])
  assert.equal(follower.size.state, HELD)
  follower.take(areasOf(1000, 5))
  assert.equal(follower.size.state, FOLLOWING)
})

test('two kinds of pellets are lost with both middles named, one kind however wide is not', () => {
  const follower = followerOf(1000)
  for (let strip = 0; strip < 15; strip++) follower.take([...areasOf(1000, 14), ...areasOf(1900, 6)])
  assert.equal(follower.size.state, LOST)
  assert.match(follower.size.reason, /two middles, (9|10)\d\d and 1[89]\d\d px/)
  const wide = createAreaFollower({ window: 512, minSamples: 100 })
  wide.restart(800)
  for (let strip = 0; strip < 200; strip++) {
    wide.take(areasOf(1000, 20, 0.5))
    assert.notEqual(wide.size.state, LOST, wide.size.reason)
  }
})

test('fines and a few large ones beside one kind are not two kinds', () => {
  const follower = followerOf(1000)
  for (let strip = 0; strip < 60; strip++) {
    follower.take([...areasOf(1000, 18), ...areasOf(250, 1), ...areasOf(2000, 1)])
    assert.equal(follower.size.state, FOLLOWING, follower.size.reason)
  }
})

test('a jump of the size is lost, a slow change of the same amount is followed, a new recipe begins anew', () => {
  const jumping = followerOf(1000)
  for (let strip = 0; strip < 40; strip++) jumping.take(areasOf(1400, 20))
  assert.equal(jumping.size.state, LOST)
  assert.match(jumping.size.reason, /jumped from 1\d\d\d to 1[34]\d\d px/)
  assert.ok(jumping.size.medianAreaPx > 1300)
  jumping.restart(1400)
  assert.deepEqual([jumping.size.state, jumping.size.medianAreaPx], [NOMINAL, 1400])
  const slow = followerOf(1000)
  for (let strip = 0; strip < 3000; strip++) {
    slow.take(areasOf(1000 + (400 * strip) / 3000, 20))
    assert.notEqual(slow.size.state, LOST, `strip ${strip}: ${slow.size.reason}`)
  }
})
