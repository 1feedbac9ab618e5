import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureClassifier } from '../../distillation/evaluation/measure-classifier.ts'
import type { Terminal } from '../terminal.ts'
import { describeMetrics } from './describe-metrics.ts'

test('no size class below the smallest speck stands under the escapes', () => {
  const metrics = measureClassifier(
    {
      margins: Float32Array.of(-1, 2, -1, 2, 2),
      labels: Uint8Array.of(0, 1, 1, 1, 1),
      speckPx: Float32Array.of(0, 1, 2.9, 3, 9),
    },
    { threshold: 0, smallestSpeckPx: 3 },
  )
  let names: readonly (string | undefined)[] = []
  const printTable: Terminal['printTable'] = (_, rows) => {
    names = rows.map(([name]) => name)
  }
  describeMetrics(metrics, { printTable } as Terminal)
  const from = names.indexOf('Escapes, specks from 3 px')
  assert.deepEqual(names.slice(from + 1), ['  3.0 to 4.2 px (1)', '  8.5 to 12.0 px (1)'])
})
