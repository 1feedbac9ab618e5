import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeGoals } from './judge-goals.ts'

const figure = (scene: string, method: string, mb: number, times: number, specks = 20) => ({
  scene,
  method,
  mbPerSecond: { median: mb },
  kernelAgainst: { median: times },
  counts: { found: 570, specks },
})

test('judgeGoals says of each goal whether it was reached, missed or not measured', () => {
  const goals = judgeGoals([
    figure('dense', 'kernel', 369, 1),
    figure('dense', 'reference', 100, 4),
    figure('sparse', 'reference', 200, 8),
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

test('judgeGoals measures nothing on a strip where the kernel leaves out what the reference finds', () => {
  const goals = judgeGoals([
    figure('dense', 'kernel', 500, 1, 0),
    figure('dense', 'reference', 100, 5),
    figure('dense', 'canny', 50, 10),
    figure('sparse', 'kernel', 2000, 1),
    figure('sparse', 'reference', 200, 10),
  ])
  assert.deepEqual(
    goals.map(({ verdict }) => verdict),
    ['not measured', 'reached', 'not measured', 'not measured', 'not measured'],
  )
})
