import assert from 'node:assert/strict'
import test from 'node:test'
import { createRunningBatches } from './running-batches.ts'

const create = (workers: number) =>
  createRunningBatches(
    () => workers,
    (crops) => crops,
  )

test('a batch behind another begins when that one ends', () => {
  const running = create(1)
  const first = running.start(10, 100)
  assert.deepEqual(running.firstEnd(104), { inMs: 6, runMs: 10 })
  const second = running.start(4, 109)
  // The worker has another in its hands: it will not be idle.
  assert.equal(running.firstEnd(109), undefined)
  running.end(first, 112)
  assert.deepEqual([running.firstEnd(113), running.size], [{ inMs: 3, runMs: 4 }, 1])
  // Overdue.
  assert.deepEqual(running.firstEnd(120), { inMs: 0, runMs: 4 })
  running.end(second, 121)
  assert.deepEqual([running.firstEnd(122), running.size], [undefined, 0])
})

test('of several workers the first to be done is told, and the next batch waits behind it', () => {
  const running = create(2)
  const long = running.start(20, 0)
  const short = running.start(5, 2)
  assert.deepEqual(running.firstEnd(3), { inMs: 4, runMs: 5 })
  const behind = running.start(8, 6)
  assert.deepEqual(running.firstEnd(6), { inMs: 14, runMs: 20 })
  running.end(short, 7)
  assert.deepEqual(running.firstEnd(8), { inMs: 7, runMs: 8 })
  running.end(long, 9)
  running.end(behind, 15)
  assert.equal(running.size, 0)
})

test('a batch that ends before the one that was thought to be ahead of it leaves that one alone', () => {
  const running = create(2)
  const first = running.start(5, 0)
  running.start(20, 0)
  const behind = running.start(3, 4)
  running.end(behind, 6)
  assert.deepEqual(running.firstEnd(6), { inMs: 0, runMs: 5 })
  running.end(first, 7)
  assert.deepEqual(running.firstEnd(8), { inMs: 12, runMs: 20 })
})
