import assert from 'node:assert/strict'
import test from 'node:test'
import { createShortestPatience } from './shortest-patience.ts'

test('the shortest patience is that of the last second or two, and infinite before anybody came', () => {
  const patience = createShortestPatience()
  assert.equal(patience.read(), Number.POSITIVE_INFINITY)
  patience.note(5_100, 1000)
  patience.note(5_200, 100)
  patience.note(5_300, 1000)
  assert.equal(patience.read(), 100)
  patience.note(6_900, 1000)
  assert.equal(patience.read(), 100)
  patience.note(7_000, 500)
  assert.equal(patience.read(), 500)
  patience.note(99_000, 1000)
  assert.equal(patience.read(), 1000)
})
