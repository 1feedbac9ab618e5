import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InferenceStep } from './plan-inference.ts'
import { planQuantisation } from './plan-quantisation.ts'

const window = { kernel: 2, stride: 2, padding: 0 }
const weights = { dims: [1, 1, 1, 1], data: Float32Array.of(1) }
const step = (kind: string, input: string, output: string, more: object = {}) =>
  ({ kind, layer: output, input, output, window, weights, bias: Float32Array.of(0), ...more }) as InferenceStep

test('plan for bytes gives a pool the range of what it gives where nothing else reads its input', () => {
  const { rangeOf, ranged } = planQuantisation([
    step('convolution', 'standardised', 'a.0'),
    step('maxPool', 'a.0', 'a.1'),
    step('activation', 'a.1', 'a', { slope: 0.1 }),
    step('dense', 'a', 'logits'),
  ])
  assert.deepEqual([rangeOf('a.0'), rangeOf('a.1'), rangeOf('a')], ['a.1', 'a.1', 'a'])
  assert.deepEqual(ranged, [
    { name: 'a.1', belowZero: 0.1 },
    { name: 'a', belowZero: 1 },
  ])
})

test('plan for bytes gives a pool the range of its input where a shortcut reads it too', () => {
  const { rangeOf } = planQuantisation([
    step('convolution', 'standardised', 'a'),
    step('maxPool', 'a', 'pool', { window: { kernel: 3, stride: 1, padding: 1 } }),
    step('maxPool', 'pool', 'pool2', { window: { kernel: 3, stride: 1, padding: 1 } }),
    step('add', 'pool2', 'sum', { shortcut: 'a' }),
    step('dense', 'sum', 'logits'),
  ])
  assert.deepEqual([rangeOf('a'), rangeOf('pool'), rangeOf('pool2')], ['a', 'a', 'a'])
})

test('plan for bytes drops ReLU, through pools too, and leaves the logits in float', () => {
  const { steps, rangeOf } = planQuantisation([
    step('convolution', 'standardised', 'a.0'),
    step('maxPool', 'a.0', 'a.1'),
    step('activation', 'a.1', 'a', { slope: 0 }),
    step('dense', 'a', 'logits'),
  ])
  assert.deepEqual(
    steps.map(({ kind, output }) => [kind, output]),
    [
      ['convolution', 'a.0'],
      ['maxPool', 'a'],
      ['dense', 'logits'],
    ],
  )
  assert.equal(rangeOf('a.0'), 'a')
  assert.equal(rangeOf('logits'), undefined)
})
