import assert from 'node:assert/strict'
import test from 'node:test'
import { type RoundFigures, rateLessClient, summariseSystem } from './peers-report.ts'
import { fakeRun } from './test-support/fake-run.ts'

test('summariseSystem takes ratios round by round and the largest memory', () => {
  const run = fakeRun({ name: 'a', rate: 500, rounds: 1 })
  const [round] = run.rounds as [RoundFigures]
  const slow: RoundFigures = {
    ...round,
    loads: { ...round.loads, singles: { ...round.loads.singles, cropsPerSecond: 200 } },
    bare: { cropsPerSecond: 400, loneP50Ms: 1 },
    residentBytes: 3e8,
  }
  const summary = summariseSystem({ ...run, rounds: [round, slow] }, 2)
  assert.equal(summary.loads?.singles.ofBare.median, 0.5)
  assert.equal(summary.loads?.singles.cropsPerSecond.median, 350)
  assert.equal(summary.loneOverBareMs?.upper, (0.5 + 3 * 1) / 4)
  assert.equal(summary.residentBytes, 3e8)
})

test('summariseSystem keeps why a system was left out, and the rounds that it came through', () => {
  const late = summariseSystem({ ...fakeRun({ name: 'a', rate: 5 }), missing: 'it ended' }, 2)
  assert.deepEqual([late.loads?.lone.cropsPerSecond.median, late.missing], [5, 'it ended'])
  const never = summariseSystem({ ...fakeRun({ name: 'a', rate: 5, rounds: 0 }), missing: 'no wheel' }, 2)
  assert.deepEqual([never.loads, never.residentBytes, never.missing], [undefined, undefined, 'no wheel'])
  const empty = summariseSystem(fakeRun({ name: 'a', rate: 5, rounds: 0 }), 2)
  assert.deepEqual([empty.loads, empty.missing], [undefined, 'no round was measured'])
})

test('rateLessClient gives the server what the client used of the cores', () => {
  const figures = { cropsPerSecond: 1000, p50Ms: 1, p99Ms: 1, serverCpuSeconds: 1.8, clientCpuSeconds: 0.2 }
  assert.equal(rateLessClient(figures, 2), 1000 / 0.9)
  assert.equal(rateLessClient({ ...figures, clientCpuSeconds: 0 }, 2), 1000)
})
