import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createFairQueue, type WaitingJob } from './fair-queue.ts'

const job = (flow: string, count: number, deadlineMs = 100, arrivedMs = 0): WaitingJob => ({
  flow,
  count,
  deadlineMs,
  arrivedMs,
})
const byFlow = (taken: readonly { readonly job: WaitingJob; readonly count: number }[]) => {
  const counts: Record<string, number> = {}
  for (const { job, count } of taken) counts[job.flow] = (counts[job.flow] ?? 0) + count
  return counts
}

test('fair queue gives an urgent flow its crops first, up to what it may run ahead', () => {
  const queue = createFairQueue(8)
  queue.push(job('busy', 100, 50))
  queue.push(job('urgent', 6, 10))
  assert.deepEqual(byFlow(queue.take(6)), { urgent: 6 })
  assert.deepEqual(byFlow(queue.take(10)), { busy: 10 })
})

test('fair queue shares evenly between busy flows however urgent one of them claims to be', () => {
  const queue = createFairQueue(8)
  queue.push(job('a', 1000, 1))
  queue.push(job('b', 1000, 1e9))
  const taken = { a: 0, b: 0 }
  for (let round = 0; round < 10; round++) {
    for (const { job, count } of queue.take(32)) taken[job.flow as 'a' | 'b'] += count
  }
  assert.equal(taken.a + taken.b, 320)
  assert.ok(taken.a - taken.b >= 0 && taken.a - taken.b <= 18, `${taken.a} and ${taken.b}`)
})

test('fair queue gives a line as much as all callers together, and each caller the same of the other half', () => {
  const queue = createFairQueue(64)
  queue.push(job('line', 10_000))
  for (let i = 0; i < 16; i += 1) queue.push({ ...job('rpc', 10_000), share: `stream ${i}` })
  const taken = new Map<string, number>()
  for (let round = 0; round < 200; round += 1) {
    for (const { job, count } of queue.take(32)) {
      const who = job.share ?? job.flow
      taken.set(who, (taken.get(who) ?? 0) + count)
    }
  }
  const line = taken.get('line')! / 6400
  assert.ok(line > 0.45 && line < 0.55, `the line had ${line}`)
  const streams = [...taken].filter(([who]) => who !== 'line').map(([, count]) => count)
  assert.equal(streams.length, 16)
  assert.ok(Math.max(...streams) - Math.min(...streams) <= 70, `${streams}`)
})

test('fair queue charges a flow for callers that come by a new name each time', () => {
  const queue = createFairQueue<WaitingJob>(64)
  queue.push(job('line', 10_000, 1000))
  const waiting = 500
  let callers = 0
  const taken = { line: 0, rpc: 0 }
  for (let round = 0; round < 200; round += 1) {
    for (; callers < waiting + taken.rpc; callers += 1) {
      queue.push({ ...job('rpc', 1, round), share: `caller ${callers}` })
    }
    for (const { job, count } of queue.take(32)) taken[job.flow as 'line' | 'rpc'] += count
  }
  const line = taken.line / 6400
  assert.ok(line > 0.45 && line < 0.55, `the line had ${line}`)
})

test('fair queue gives no credit for time without crops', () => {
  const queue = createFairQueue(4)
  queue.push(job('steady', 1000, 10))
  queue.take(500)
  queue.push(job('late', 1000, 10))
  const { steady = 0, late = 0 } = byFlow(queue.take(100))
  assert.ok(Math.abs(steady - late) <= 10, `${steady} and ${late}`)
})

test('fair queue shares with a flow that comes back for more each time it has been served', () => {
  const queue = createFairQueue(8)
  queue.push(job('steady', 1000, 1e9))
  const taken = { again: 0, steady: 0 }
  let waiting = 0
  for (let round = 0; round < 40; round++) {
    if (waiting === 0) {
      queue.push(job('again', 8, round))
      waiting = 8
    }
    const { again = 0, steady = 0 } = byFlow(queue.take(8))
    waiting -= again
    taken.again += again
    taken.steady += steady
  }
  assert.ok(Math.abs(taken.again - taken.steady) <= 18, `${taken.again} and ${taken.steady}`)
})

test('fair queue takes the earliest deadline of a flow first and keeps a job in order over several batches', () => {
  const queue = createFairQueue(8)
  const [late, soon] = [job('a', 3, 20), job('a', 2, 10)]
  queue.push(late)
  queue.push(soon)
  assert.deepEqual(queue.take(3), [
    { job: soon, from: 0, count: 2 },
    { job: late, from: 0, count: 1 },
  ])
  assert.deepEqual(queue.take(9), [{ job: late, from: 1, count: 2 }])
  assert.equal(queue.size, 0)
})

test('fair queue loses and repeats no crop, whatever is pushed, taken and removed', () => {
  const operations = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('push' as const),
        flow: fc.constantFrom('a', 'b', 'c'),
        count: fc.integer({ min: 1, max: 40 }),
        deadline: fc.nat(50),
      }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 32 }) }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(30) }),
    ),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(operations, fc.integer({ min: 0, max: 64 }), (list, ahead) => {
      const queue = createFairQueue(ahead)
      const pushed: { readonly job: WaitingJob; next: number; removed: boolean }[] = []
      for (const operation of list) {
        if (operation.kind === 'push') {
          const added = job(operation.flow, operation.count, operation.deadline, pushed.length)
          pushed.push({ job: added, next: 0, removed: false })
          queue.push(added)
        } else if (operation.kind === 'take') {
          const before = queue.size
          let total = 0
          for (const { job, from, count } of queue.take(operation.count)) {
            const entry = pushed.find((candidate) => candidate.job === job)!
            assert.ok(!entry.removed && from === entry.next && count > 0)
            entry.next += count
            total += count
          }
          assert.equal(total, Math.min(before, operation.count))
        } else {
          const entry = pushed[operation.at]
          if (entry === undefined) continue
          assert.equal(queue.remove(entry.job), entry.removed ? 0 : entry.job.count - entry.next)
          entry.removed = true
        }
        const waiting = pushed.filter(({ removed }) => !removed)
        assert.equal(
          queue.size,
          waiting.reduce((sum, { job, next }) => sum + job.count - next, 0),
        )
      }
    }),
  )
})

test('fair queue keeps flows that stay busy within what they may run ahead, whatever their deadlines', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 32 }), { minLength: 5, maxLength: 40 }),
      fc.integer({ min: 2, max: 5 }),
      fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }),
      (takes, flows, deadlines) => {
        const queue = createFairQueue(16)
        for (let flow = 0; flow < flows; flow++) queue.push(job(`line-${flow}`, 10_000, deadlines[flow]))
        const served = new Map<string, number>()
        for (const count of takes) {
          for (const { job, count: crops } of queue.take(count))
            served.set(job.flow, (served.get(job.flow) ?? 0) + crops)
        }
        const shares = Array.from({ length: flows }, (_, flow) => served.get(`line-${flow}`) ?? 0)
        const share = shares.reduce((sum, own) => sum + own, 0) / flows
        assert.ok(Math.max(...shares) <= share + 16 + 2, `${shares}`)
        assert.ok(Math.min(...shares) >= share - (flows - 1) * (16 + 2), `${shares}`)
      },
    ),
  )
})
