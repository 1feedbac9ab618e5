import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createRepeatLimit } from './limit-repeats.ts'

function setUp() {
  let now = 0
  const passed: [string, number][] = []
  const limit = createRepeatLimit({
    everyMs: 5_000,
    clock: { now: () => now },
    pass: (line, leftOut) => void passed.push([line, leftOut]),
  })
  return { limit, passed, at: (ms: number) => (now = ms) }
}

const full = (file: number) => `ERROR:  could not extend file "base/16384/${file}": No space left on device`

describe('a limit of repeated lines', () => {
  test('passes one of a kind in its time, and counts what it left out, numbers apart', () => {
    const { limit, passed, at } = setUp()
    for (let ms = 0; ms < 20_000; ms += 10) {
      at(ms)
      limit.add(full(ms))
    }
    const [first, ...later] = passed
    assert.deepEqual(first, [full(0), 0])
    assert.deepEqual(
      later,
      [5_000, 10_000, 15_000].map((ms) => [full(ms), 499]),
    )
  })

  test('holds no other line back', () => {
    const { limit, passed } = setUp()
    for (const line of [full(1), 'ERROR:  deadlock detected', full(2)]) limit.add(line)
    assert.deepEqual(
      passed.map(([line]) => line),
      [full(1), 'ERROR:  deadlock detected'],
    )
  })

  test('tells of what it left out once another line comes later, and at the end', () => {
    const { limit, passed, at } = setUp()
    for (const file of [1, 2, 3]) limit.add(full(file))
    at(6_000)
    limit.add('FATAL:  terminating connection')
    assert.deepEqual(passed.slice(1), [
      [full(3), 1],
      ['FATAL:  terminating connection', 0],
    ])
    limit.add('FATAL:  terminating connection')
    limit.flush()
    assert.deepEqual(passed.slice(3), [['FATAL:  terminating connection', 0]])
    limit.flush()
    assert.equal(passed.length, 4)
  })

  test('knows no more kinds than it has room for, and loses no count', () => {
    const { limit, passed } = setUp()
    limit.add(full(1))
    limit.add(full(2))
    for (let kind = 0; kind < 200; kind++) limit.add(`ERROR:  ${'x'.repeat(kind)}`)
    assert.equal(passed.length, 202)
    assert.ok(passed.some(([line, leftOut]) => line === full(2) && leftOut === 0))
  })
})
