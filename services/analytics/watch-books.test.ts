import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ObservedBookings } from './alerts/monitor-lines.ts'
import { createBookWatch } from './watch-books.ts'

const page: ObservedBookings & { readonly hasMore: boolean } = { parts: [], audits: [], hasMore: true }

test('watch of the books: traces are written and lots are settled while bookings come as fast as they are read', async () => {
  let pages = 0
  let rounds = 0
  let settled = 0
  const watch = createBookWatch({
    isLeading: async () => true,
    follower: {
      async next() {
        pages += 1
        // Ends a watch that would go on for ever.
        return pages === 10_000 ? { ...page, hasMore: false } : page
      },
    },
    monitor: { observe: () => undefined, evaluate: async () => undefined },
    onRound: () => void (rounds += 1),
    settle: async () => void (settled += 1),
    onFailed: (reason) => assert.fail(String(reason)),
  })
  await watch.look()
  assert.deepEqual([pages, rounds, settled], [10_000, 100, 100])
})

test('watch of the books: traces are written where the lead cannot be taken, and the next round is a new one', async () => {
  let isAway = true
  const seen: string[] = []
  const watch = createBookWatch({
    async isLeading() {
      if (isAway) throw new Error('the database is away')
      return true
    },
    follower: { next: async () => ({ ...page, hasMore: false }) },
    monitor: { observe: () => undefined, evaluate: async () => void seen.push('decided') },
    onRound: () => void seen.push('written'),
    settle: async () => void seen.push('settled'),
    onFailed: (reason) => void seen.push(String(reason)),
  })
  await watch.look()
  isAway = false
  await Promise.all([watch.look(), watch.idle()])
  assert.deepEqual(seen, ['written', 'Error: the database is away', 'decided', 'written', 'settled'])
})
