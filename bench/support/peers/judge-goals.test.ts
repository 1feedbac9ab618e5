import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeGoals } from './judge-goals.ts'
import { type SystemRun, summariseSystem } from './peers-report.ts'
import { fakeRun } from './test-support/fake-run.ts'

const judged = (runs: readonly SystemRun[]) => judgeGoals(runs.map((run) => summariseSystem(run, 2)))
const reachedOf = (runs: readonly SystemRun[]) => judged(runs).map(({ reached }) => reached)
const verdictsOf = (runs: readonly SystemRun[]) => judged(runs).map(({ verdict }) => verdict)

const ours = fakeRun({ name: 'ours', whose: 'ours', rate: 900, p99Ms: 40, clientCpuSeconds: 0 })
const int8 = fakeRun({ name: 'ours-int8', whose: 'ours', precision: 'int8', rate: 2400 })
const slow = fakeRun({ name: 'slow', rate: 300, p99Ms: 90 })
const fast = fakeRun({ name: 'fast', rate: 600, p99Ms: 100 })

test('judgeGoals compares p99 with the shortest of the peers and int8 with the fastest', () => {
  const [, , , , p99, , singles, batches] = reachedOf([ours, int8, slow, fast])
  assert.deepEqual([p99, singles, batches], [40 / 90, 4, 4])
})

test('judgeGoals takes a goal as reached at its limit and as missed past it', () => {
  const at = (rate: number) => verdictsOf([fakeRun({ name: 'ours', whose: 'ours', rate, clientCpuSeconds: 0 })])
  assert.deepEqual(at(900).slice(0, 4), ['reached', 'reached', 'reached', 'reached'])
  assert.deepEqual(at(860).slice(0, 4), ['reached', 'missed', 'reached', 'missed'])
  assert.deepEqual(at(840).slice(0, 4), ['missed', 'missed', 'missed', 'missed'])
})

test('judgeGoals counts good requests that bad ones harmed in either of ours, and none of the peers', () => {
  const harmed = (count: number) => [
    { kind: 'shape' as const, good: 80, bad: 16, harmed: count, taken: 0, refusal: 'no' },
  ]
  const last = (runs: readonly SystemRun[]) => judged(runs).at(-1)!
  assert.equal(
    last([
      { ...ours, harm: harmed(0) },
      { ...fast, harm: harmed(80) },
    ]).verdict,
    'reached',
  )
  const found = last([
    { ...ours, harm: harmed(0) },
    { ...int8, harm: harmed(1) },
  ])
  assert.deepEqual([found.reached, found.verdict], [1, 'missed'])
})

test('judgeGoals judges nothing by ours that was left out, nor by a peer without a round', () => {
  const missing = fakeRun({ name: 'missing', rate: 5000, rounds: 0 })
  const verdicts = verdictsOf([{ ...ours, missing: 'it ended' }, { ...int8, missing: 'it ended' }, fast])
  assert.deepEqual(new Set(verdicts), new Set(['not measured']))
  assert.equal(judged([ours, int8, missing])[4]!.verdict, 'not measured')
  assert.deepEqual(reachedOf([ours, int8, slow, missing])[6], 8)
})

test('judgeGoals counts a peer that ended by the rounds that it came through', () => {
  assert.deepEqual(reachedOf([ours, int8, slow, { ...fast, missing: 'it ended' }])[6], 4)
})
