import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeMemory } from './measure-memory.ts'

const samples = (rssMb: (i: number) => number, kernelMb: (i: number) => number = () => 64) =>
  Array.from({ length: 40 }, (_, i) => ({ strips: i + 1, rssBytes: 1e6 * rssMb(i), kernelBytes: 1e6 * kernelMb(i) }))

test('judgeMemory calls memory flat that grows at first only, whatever garbage comes and goes', () => {
  const settled = judgeMemory(
    samples(
      (i) => 100 + 10 * Math.min(i, 9) + 8 * (i % 2),
      (i) => Math.min(64, 8 * (i + 1)),
    ),
  )
  assert.equal(settled.flat, true)
})

test('judgeMemory sees a leak of the process, and any growth of the kernel after the first quarter', () => {
  const leak = judgeMemory(samples((i) => 100 + i))
  assert.deepEqual(leak, { rssGrowthBytes: 20e6, kernelGrowthBytes: 0, flat: false })
  const late = judgeMemory(
    samples(
      () => 100,
      (i) => (i < 30 ? 64 : 65),
    ),
  )
  assert.deepEqual(late, { rssGrowthBytes: 0, kernelGrowthBytes: 1e6, flat: false })
})
