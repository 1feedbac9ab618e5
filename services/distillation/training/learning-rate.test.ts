import assert from 'node:assert/strict'
import { test } from 'node:test'
import { learningRate, type Schedule } from './learning-rate.ts'

const length = { baseRate: 1e-4, totalSteps: 100, stepsPerEpoch: 10 }
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-15, `${actual} instead of ${expected}`)

test('cosine annealing with warm-up follows the formula point by point', () => {
  const schedule: Schedule = { kind: 'cosine', warmupRate: 1e-6, warmupEpochs: 2, restarts: [] }
  const points: readonly [number, number][] = [
    [0, 1e-6],
    [10, 1e-6 + (1e-4 - 1e-6) * 0.5],
    [19, 1e-6 + (1e-4 - 1e-6) * 0.95],
    [20, 1e-4],
    [40, 0.5e-4 * (1 + Math.SQRT1_2)],
    [60, 0.5e-4],
    [80, 0.5e-4 * (1 - Math.SQRT1_2)],
    [99, 0.5e-4 * (1 + Math.cos((Math.PI * 79) / 80))],
  ]
  for (const [step, expected] of points) near(learningRate(schedule, length, step), expected)
})

test('cosine annealing with warm restarts repeats its cycle, warm-up included', () => {
  const schedule: Schedule = { kind: 'cosine', warmupRate: 0, warmupEpochs: 0.5, restarts: [0.25, 0.5, 0.75] }
  for (let step = 0; step < 25; step++) {
    for (const cycle of [1, 2, 3]) {
      near(learningRate(schedule, length, step + 25 * cycle), learningRate(schedule, length, step))
    }
  }
  near(learningRate(schedule, length, 25), 0)
  near(learningRate(schedule, length, 30), 1e-4)
  near(learningRate(schedule, length, 40), 0.5e-4)
})

test('cosine annealing without warm-up starts at the base rate', () => {
  near(learningRate({ kind: 'cosine', warmupRate: 0, warmupEpochs: 0, restarts: [] }, length, 0), 1e-4)
})

test('cosine annealing leaves at least one step to a cycle that its warm-up would fill', () => {
  const schedule: Schedule = { kind: 'cosine', warmupRate: 0, warmupEpochs: 50, restarts: [] }
  near(learningRate(schedule, length, 99), 1e-4)
})

test('constant schedule stays at the base rate', () => {
  for (const step of [0, 50, 99]) near(learningRate({ kind: 'constant' }, length, step), 1e-4)
})

test('warm restart at 0.6 has its second peak after the warm-up that follows it, and a shorter second cycle', () => {
  const schedule: Schedule = { kind: 'cosine', warmupRate: 1e-6, warmupEpochs: 1, restarts: [0.6] }
  for (let step = 0; step < 100; step++) {
    const [start, cycle] = step < 60 ? [0, 60] : [60, 40]
    const s = step - start
    const expected =
      s < 10 ? 1e-6 + ((1e-4 - 1e-6) * s) / 10 : (1e-4 / 2) * (1 + Math.cos((Math.PI * (s - 10)) / (cycle - 10)))
    near(learningRate(schedule, length, step), expected)
  }
  near(learningRate(schedule, length, 70), 1e-4)
})

test('reduce on plateau lowers the rate each time that the loss has not got better for the patience', () => {
  const schedule: Schedule = { kind: 'plateau', factor: 0.1, patience: 2, minDelta: 0.01, minRate: 2e-6 }
  const rateAfter = (...losses: number[]) => learningRate(schedule, length, 10 * losses.length, losses)
  near(rateAfter(), 1e-4)
  near(rateAfter(1, 0.9, 0.8), 1e-4)
  near(rateAfter(1, 0.995), 1e-4)
  near(rateAfter(1, 0.995, 0.992), 1e-5)
  near(rateAfter(1, 0.995, 0.98, 1), 1e-4)
  near(rateAfter(1, 1, 1, 1, 1), 2e-6)
})
