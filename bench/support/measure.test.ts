import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interleave, quantile, ratesOf, ratioOf, slopeOf, spreadOf } from './measure.ts'

test('interleave runs each once uncounted, then in turns, every other round in reverse', async () => {
  const order: string[] = []
  const contestants = ['a', 'b', 'c'].map((name) => ({ name, run: () => void order.push(name) }))
  const times = await interleave(contestants, 2)
  assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'c', 'c', 'b', 'a'])
  assert.deepEqual(
    [...times.values()].map((ms) => ms.length),
    [2, 2, 2],
  )
})

test('interleave takes the time of a contestant that has a clock of its own', async () => {
  let round = 0
  const times = await interleave([{ name: 'far', run: async () => 1e6 * round++ }], 3)
  assert.deepEqual(times.get('far'), [1e6, 2e6, 3e6])
})

test('spreadOf gives median and quartiles of numbers in any order, between neighbours where need be', () => {
  assert.deepEqual(spreadOf([5, 1, 3, 2, 4]), { median: 3, lower: 2, upper: 4 })
  assert.equal(quantile([10, 0], 0.25), 2.5)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('ratioOf compares within rounds, so that a slow round leaves it as it is', () => {
  assert.deepEqual(ratioOf([2, 20, 200], [1, 10, 100]), { median: 2, lower: 2, upper: 2 })
  assert.deepEqual(ratesOf([500, 2000], 10), [20, 5])
})

test('slopeOf is that of the line which a staircase follows, wherever its last step falls', () => {
  const staircase = (length: number) =>
    Array.from({ length }, (_, x): [number, number] => [x, 3 * 10 * Math.floor(x / 10)])
  for (const length of [100, 105, 109]) assert.ok(Math.abs(slopeOf(staircase(length)) - 3) < 0.06)
  assert.equal(
    slopeOf([
      [1, 5],
      [1, 7],
    ]),
    0,
  )
})
