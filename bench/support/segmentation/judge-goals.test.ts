import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeGoals } from './judge-goals.ts'

const figure = (scene: string, method: string, mb: number, times: number) => ({
  scene,
  method,
  mbPerSecond: { median: mb },
  kernelAgainst: { median: times },
})

test('judgeGoals says of each goal whether it was reached, missed or not measured', () => {
  const goals = judgeGoals([
    figure('dense', 'kernel', 369, 1),
    figure('sparse', 'kernel', 1499, 1),
    figure('dense', 'threshold', 139, 2.7),
    figure('dense', 'watershed', 25, 14),
    figure('sparse', 'canny', 80, 19),
  ])
  assert.deepEqual(
    goals.map(({ reached, verdict }) => [reached, verdict]),
    [
      [369, 'reached'],
      [1499, 'missed'],
      [2.7, 'missed'],
      [undefined, 'not measured'],
      [14, 'reached'],
    ],
  )
})
