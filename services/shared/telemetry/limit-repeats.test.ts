import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { createRepeatLimit } from './limit-repeats.ts'

function setUp() {
  const passed: [string, number][] = []
  const limit = createRepeatLimit({ everyMs: 5_000, pass: (line, leftOut) => void passed.push([line, leftOut]) })
  return { limit, passed }
}

const full = (file: number) => `ERROR:  could not extend file "base/16384/${file}": No space left on device`

describe('a limit of repeated lines', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  test('passes one of a kind in its time, and counts what it left out, numbers apart', () => {
    const { limit, passed } = setUp()
    for (let ms = 0; ms < 20_000; ms += 10) {
      limit.add(full(ms))
      mock.timers.tick(10)
    }
    assert.deepEqual(passed, [
      [full(0), 0],
      ...[4_990, 9_990, 14_990, 19_990].map((ms, index) => [full(ms), index === 0 ? 498 : 499]),
    ])
    assert.equal(
      passed.reduce((sum, [, leftOut]) => sum + leftOut + 1, 0),
      2_000,
    )
  })

  test('tells of what it left out when the time is over, though no other line comes', () => {
    const { limit, passed } = setUp()
    for (const file of [1, 2, 3]) limit.add(full(file))
    mock.timers.tick(5_000)
    assert.deepEqual(passed, [
      [full(1), 0],
      [full(3), 1],
    ])
    mock.timers.tick(60_000)
    assert.equal(passed.length, 2)
    limit.add(full(4))
    assert.deepEqual(passed[2], [full(4), 0])
  })

  test('holds no other line back, nor one that is about another name', () => {
    const { limit, passed } = setUp()
    const lines = [
      full(1),
      'ERROR:  deadlock detected',
      'line-1 cannot be read',
      'line-2 cannot be read',
      '127.0.0.1:1',
      '127.0.0.1:2',
    ]
    for (const line of lines) limit.add(line)
    assert.deepEqual(
      passed.map(([line]) => line),
      lines,
    )
  })

  test('passes on what it left out when it is told to, once', () => {
    const { limit, passed } = setUp()
    for (const file of [1, 2, 3]) limit.add(full(file))
    limit.flush()
    limit.flush()
    assert.deepEqual(passed.slice(1), [[full(3), 1]])
  })

  test('tells so many kinds apart, takes all beyond for one, and loses no count', () => {
    const { limit, passed } = setUp()
    for (let kind = 0; kind < 300; kind++) limit.add(`ERROR:  ${'x'.repeat(kind)}`)
    assert.equal(passed.length, 101)
    mock.timers.tick(5_000)
    assert.deepEqual(passed[101], [`ERROR:  ${'x'.repeat(299)}`, 198])
  })
})
