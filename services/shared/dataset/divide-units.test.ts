import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededUniform } from '../statistics/test-support/seeded-draws.ts'
import { divideUnits, type SplitUnit } from './divide-units.ts'

const shares = [0.7, 0.2, 0.1]

/** Deviation of the shares as the division weighs it; undefined where a part lacks a class. */
function deviation(units: readonly SplitUnit[], parts: ArrayLike<number>): number | undefined {
  let sum = 0
  for (const label of [0, 1]) {
    const total = units.reduce((all, { counts }) => all + counts[label]!, 0)
    for (const [part, share] of shares.entries()) {
      const held = units.reduce((all, { counts }, i) => all + (parts[i] === part ? counts[label]! : 0), 0)
      if (held === 0) return undefined
      sum += (held / total - share) ** 2 / share
    }
  }
  return sum
}

/** The least deviation over all divisions. */
function leastDeviation(units: readonly SplitUnit[]): number | undefined {
  let least: number | undefined
  for (let code = 0; code < 3 ** units.length; code++) {
    const parts = units.map((_, i) => Math.floor(code / 3 ** i) % 3)
    const found = deviation(units, parts)
    if (found !== undefined && found < (least ?? Infinity)) least = found
  }
  return least
}

test('division of a few awkward units finds both classes for each part where it can be, and the best shares nearly always', () => {
  const uniform = seededUniform(11)
  let divisible = 0
  let best = 0
  for (let round = 0; round < 150; round++) {
    const units = Array.from({ length: 3 + Math.floor(uniform() * 4) }, (): SplitUnit => {
      const size = Math.ceil(Math.exp(4 * uniform()))
      const kind = uniform()
      const bad = kind < 0.2 ? 0 : kind < 0.4 ? size : Math.round(size * uniform())
      return { counts: [size - bad, bad] }
    })
    const least = leastDeviation(units)
    const found = deviation(units, divideUnits(units, shares, uniform))
    assert.equal(found === undefined, least === undefined, JSON.stringify(units))
    if (least === undefined || found === undefined) continue
    divisible++
    if (found <= least + 1e-9) best++
    assert.ok(found <= least + 1, JSON.stringify(units))
  }
  assert.ok(divisible > 50 && best >= 0.95 * divisible, `${best} of ${divisible}`)
})

test('division of many groups meets the shares of both classes within 1 %', () => {
  const uniform = seededUniform(12)
  // Few large groups, many small ones, as patients with 5 to 150 images.
  const units = Array.from({ length: 148 }, (): SplitUnit => {
    const size = Math.ceil(5 + 145 * uniform() ** 4)
    const bad = Math.round(size * uniform())
    return { counts: [size - bad, bad] }
  })
  const parts = divideUnits(units, shares, uniform)
  for (const label of [0, 1]) {
    const total = units.reduce((all, { counts }) => all + counts[label]!, 0)
    for (const [part, share] of shares.entries()) {
      const held = units.reduce((all, { counts }, i) => all + (parts[i] === part ? counts[label]! : 0), 0)
      assert.ok(Math.abs(held / total - share) < 0.01, `part ${part}, label ${label}: ${held / total}`)
    }
  }
})

test('division repeats with its random numbers and differs with others', () => {
  const units = Array.from({ length: 30 }, (_, i): SplitUnit => ({ counts: i % 2 === 0 ? [1, 0] : [0, 1] }))
  const divide = (seed: number) => divideUnits(units, shares, seededUniform(seed))
  assert.deepEqual(divide(1), divide(1))
  assert.notDeepEqual(divide(1), divide(2))
})
