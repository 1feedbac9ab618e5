import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { describeSingleCrops, describeUnlikeFlows, type Waiting } from './describe-batching.ts'

const folder = new URL('../../docs/results/batching/', import.meta.url)
const row = (policy: string, meanMs: number, more: Partial<Waiting> = {}): Waiting => ({
  ...{ machine: 'M', case: '95 % load', flow: 'line-1', p99Ms: 10, late: 0, cropsPerMs: 1, meanFill: 1 },
  ...{ policy, meanMs, ...more },
})

describe('what is said of the batcher in simulation', () => {
  it('names where a window is shorter than none, and where ours is longer, by the figures as they are shown', () => {
    const rows = [row('ours', 4.04), row('window of 0 ms', 4), row('window of 2 ms', 3.5, { p99Ms: 11 })]
    assert.deepEqual(describeSingleCrops(rows), [
      '- A window gives shorter times than no window at 95 % load on M (mean 4.0 ms, 3.5 with a window of 2 ms).',
      '- Ours gives longer times than another policy at 95 % load on M (mean 4.0 ms, 3.5 with a window of 2 ms).',
    ])
    assert.deepEqual(describeSingleCrops(rows.map((one) => ({ ...one, meanMs: 4 }))), [
      '- At none of these loads does a window give shorter times than no window: a batch that is not full costs less than the wait for a fuller one.',
      '- No policy gives shorter times than ours.',
    ])
  })

  it('shows each of unlike flows beside the policy without a window', () => {
    const unlike = { case: 'two flows', flow: 'quiet' }
    assert.deepEqual(
      describeUnlikeFlows([row('ours', 4, { ...unlike, late: 0.5 }), row('window of 0 ms', 9, unlike)]),
      ['- two flows: `quiet` has 4.0 ms in the mean (9.0) and 50.0 % late (0.0 %) on M.'],
    )
  })

  it('stands above the published tables as they are', () => {
    const { rows } = JSON.parse(readFileSync(new URL('report.json', folder), 'utf8')) as { rows: readonly Waiting[] }
    const page = readFileSync(new URL('README.md', folder), 'utf8')
    for (const sentence of [...describeSingleCrops(rows), ...describeUnlikeFlows(rows)]) {
      assert.ok(page.includes(`${sentence}\n`), sentence)
    }
  })
})
