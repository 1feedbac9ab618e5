import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { createPartitionProgress } from './partition-progress.ts'

it('partition progress commits up to the lowest message not yet handled', () => {
  const progress = createPartitionProgress()
  assert.equal(progress.committable, undefined)
  for (const offset of [5n, 6n, 9n]) assert.equal(progress.begin(offset), true)
  assert.equal(progress.committable, 5n)
  progress.finish(6n)
  assert.equal(progress.committable, 5n)
  progress.finish(5n)
  assert.equal(progress.committable, 9n)
  progress.finish(9n)
  assert.equal(progress.committable, 10n)
  assert.equal(progress.unfinished, 0)
})

it('partition progress knows a message that is read again while it is in hand', () => {
  const progress = createPartitionProgress()
  progress.begin(1n)
  progress.begin(2n)
  progress.finish(2n)
  assert.equal(progress.begin(1n), false)
  assert.equal(progress.begin(2n), false)
  progress.finish(1n)
  assert.equal(progress.committable, 3n)
})

it('partition progress does not take again what was handled, whether its commit was sent or not', () => {
  const progress = createPartitionProgress()
  progress.startAt(5n)
  assert.equal(progress.committable, 5n)
  for (const offset of [5n, 6n, 7n]) progress.begin(offset)
  progress.finish(5n)
  progress.finish(6n)
  for (const offset of [5n, 6n, 7n]) assert.equal(progress.begin(offset), false, String(offset))
  assert.equal(progress.committable, 7n)
  progress.finish(7n)
  assert.equal(progress.begin(6n), false)
  progress.startAt(0n)
  assert.equal(progress.committable, 8n)
  assert.equal(progress.next, 8n)
})

it('partition progress never commits past an unfinished message, in any order of finishing', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 60 }),
      fc.infiniteStream(fc.nat()),
      (list, random) => {
        const offsets = list.map(BigInt).sort((a, b) => (a < b ? -1 : 1))
        const progress = createPartitionProgress()
        const open = new Set<bigint>()
        for (const offset of offsets) {
          progress.begin(offset)
          open.add(offset)
        }
        while (open.size > 0) {
          const chosen = [...open][(random.next().value as number) % open.size] as bigint
          open.delete(chosen)
          progress.finish(chosen)
          const lowest = [...open].sort((a, b) => (a < b ? -1 : 1))[0]
          assert.equal(progress.committable, lowest ?? (offsets.at(-1) as bigint) + 1n)
          assert.equal(progress.unfinished, open.size)
        }
      },
    ),
  )
})

it('partition progress of a long run keeps only what is unfinished', () => {
  const progress = createPartitionProgress()
  for (let offset = 0n; offset < 5000n; offset += 1n) {
    progress.begin(offset)
    progress.finish(offset)
  }
  assert.equal(progress.unfinished, 0)
  assert.equal(progress.committable, 5000n)
})
