import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createBoundedQueue } from './bounded-queue.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('createBoundedQueue', () => {
  it('hands items out in the order of their pushes, waiting ones included, and never holds more than its limit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.constantFrom('push', 'tryPush', 'shift', 'tryShift', 'turn'), { maxLength: 60 }),
        async (limit, steps) => {
          const queue = createBoundedQueue<number>({ limit })
          let next = 0
          const pushed: number[] = []
          // In the order of the calls, which is the order in which items are handed out.
          const taken: Promise<number | undefined>[] = []
          const waiting: Promise<unknown>[] = []
          for (const step of steps) {
            if (step === 'push') {
              pushed.push(next)
              waiting.push(queue.push(next))
              next += 1
            } else if (step === 'tryPush') {
              if (queue.tryPush(next)) pushed.push(next)
              next += 1
            } else if (step === 'shift') taken.push(queue.shift())
            else if (step === 'tryShift') {
              const item = queue.tryShift()
              if (item !== undefined) taken.push(Promise.resolve(item))
            } else await turn()
            assert.ok(queue.size <= limit)
          }
          const ended = Promise.allSettled(waiting)
          for (;;) {
            await turn()
            const item = queue.tryShift()
            if (item === undefined) break
            taken.push(Promise.resolve(item))
          }
          queue.close()
          await ended
          const items = (await Promise.all(taken)).filter((item) => item !== undefined)
          assert.deepEqual(items, pushed)
        },
      ),
    )
  })

  it('a push into a full queue waits for the reader', async () => {
    const queue = createBoundedQueue<string>({ limit: 1 })
    await queue.push('a')
    let pushed = false
    const second = queue.push('b').then(() => {
      pushed = true
    })
    await turn()
    assert.equal(pushed, false)
    assert.equal(queue.tryPush('c'), false)
    assert.equal(await queue.shift(), 'a')
    await second
    assert.equal(await queue.shift(), 'b')
  })

  it('iteration ends with the last item of a closed queue', async () => {
    const queue = createBoundedQueue<number>({ limit: 3 })
    for (const item of [1, 2, 3]) await queue.push(item)
    queue.close()
    const items: number[] = []
    for await (const item of queue) items.push(item)
    assert.deepEqual(items, [1, 2, 3])
    await assert.rejects(queue.push(4), { code: 'failed_precondition' })
    assert.equal(queue.tryPush(4), false)
    assert.equal(await queue.shift(), undefined)
  })

  it('closing refuses the pushes that wait and ends the reads that wait', async () => {
    const full = createBoundedQueue<number>({ limit: 1 })
    await full.push(1)
    const refused = assert.rejects(full.push(2), { code: 'failed_precondition' })
    full.close()
    await refused
    assert.equal(await full.shift(), 1)
    const empty = createBoundedQueue<number>({ limit: 1 })
    const read = empty.shift()
    empty.close()
    assert.equal(await read, undefined)
  })

  it('an abort drops what is left and gives its reason to reader and writers', async () => {
    const queue = createBoundedQueue<number>({ limit: 1 })
    await queue.push(1)
    const reason = new Error('the line is gone')
    const refused = assert.rejects(queue.push(2), reason)
    queue.abort(reason)
    await refused
    await assert.rejects(queue.shift(), reason)
    await assert.rejects(queue.push(3), reason)
    assert.equal(queue.size, 0)
  })

  it('a cancelled push adds nothing and a cancelled shift takes nothing', async () => {
    const queue = createBoundedQueue<number>({ limit: 1 })
    const abort = new AbortController()
    const read = assert.rejects(queue.shift(abort.signal), { code: 'cancelled' })
    abort.abort()
    await read
    await queue.push(1)
    const again = new AbortController()
    const write = assert.rejects(queue.push(2, again.signal), { code: 'cancelled' })
    again.abort()
    await write
    assert.equal(await queue.shift(), 1)
    assert.equal(queue.size, 0)
    await assert.rejects(queue.push(3, AbortSignal.abort()), { code: 'cancelled' })
    await assert.rejects(queue.shift(AbortSignal.abort()), { code: 'cancelled' })
  })

  it('a reader that leaves its iteration closes the queue, so that no producer waits for ever', async () => {
    const queue = createBoundedQueue<number>({ limit: 1 })
    await queue.push(1)
    const waiting = assert.rejects(
      queue.push(2).then(() => queue.push(3)),
      { code: 'failed_precondition' },
    )
    for await (const _ of queue) break
    await waiting
    assert.equal(queue.closed, true)
  })

  it('a limit below one is refused', () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => createBoundedQueue({ limit }), { code: 'invalid_argument' })
    }
  })
})
