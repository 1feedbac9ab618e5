import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackoff } from './backoff.ts'

test('pauses double up to the longest, spread below by chance', () => {
  const long = createBackoff({ firstMs: 10, maxMs: 65, random: () => 1 })
  assert.deepEqual([long.fail(), long.fail(), long.fail(), long.fail(), long.fail()], [10, 20, 40, 65, 65])
  const short = createBackoff({ firstMs: 10, maxMs: 65, random: () => 0 })
  assert.deepEqual([short.fail(), short.fail()], [5, 10])
  assert.equal(short.failures, 2)
})

test('a pause is as long as the other side asks, but no longer than the longest', () => {
  const backoff = createBackoff({ firstMs: 10, maxMs: 100, random: () => 1 })
  assert.equal(backoff.fail(70), 70)
  assert.equal(backoff.fail(5000), 100)
})

test('a success begins anew', () => {
  const backoff = createBackoff({ firstMs: 10, maxMs: 100, random: () => 1 })
  backoff.fail()
  backoff.fail()
  backoff.succeed()
  assert.equal(backoff.failures, 0)
  assert.equal(backoff.fail(), 10)
})
