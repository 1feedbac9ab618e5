import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { GroupLag } from './lag-watch.ts'
import { createLagWatch } from './lag-watch.ts'

/** A watch whose broker answers what the test says, on a clock that only sleepers move. */
function createFixture(options: { lags: readonly GroupLag[]; timeoutMs?: number }) {
  let now = 1000
  const state = { lags: options.lags, failure: undefined as PelletlineError | undefined, asked: 0 }
  const watch = createLagWatch({
    async readLags() {
      state.asked += 1
      if (state.failure !== undefined) throw state.failure
      return state.lags
    },
    maxBytes: 1000,
    typicalBytes: () => 100,
    maxAgeMs: 100,
    timeoutMs: options.timeoutMs ?? 10_000,
    clock: {
      now: () => now,
      nowNs: () => BigInt(now) * 1_000_000n,
      async sleep(ms) {
        now += ms
        await new Promise((resolve) => setImmediate(resolve))
      },
    },
  })
  return { watch, state }
}

const never = new AbortController().signal

describe('createLagWatch', () => {
  it('a publisher waits while a group lags by the limit, and goes on once it has committed', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 9 }] })
    let room = false
    const waiting = watch.take('t', 200, never).then(() => {
      room = true
    })
    while (state.asked < 3) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(room, false)
    state.lags = [{ group: 'g', messages: 1 }]
    await waiting
  })

  it('the slowest group counts', async () => {
    const { watch } = createFixture({
      lags: [
        { group: 'quick', messages: 0 },
        { group: 'slow', messages: 10 },
      ],
    })
    const waiting = watch.take('t', 100, AbortSignal.timeout(20))
    await assert.rejects(waiting)
  })

  it('what this process publishes counts before the broker is asked again', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    const durable = await watch.take('t', 600, never)
    durable()
    state.lags = [{ group: 'g', messages: 1 }]
    await assert.rejects(watch.take('t', 600, AbortSignal.timeout(20)))
  })

  it('bytes on their way count though the broker does not know them yet', async () => {
    const { watch } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await watch.take('t', 600, never)
    await assert.rejects(watch.take('t', 600, AbortSignal.timeout(20)))
  })

  it('a topic that no group reads and a message larger than the limit pass', async () => {
    const { watch } = createFixture({ lags: [] })
    await watch.take('t', 5000, never)
    await watch.take('t', 5000, never)
    const { watch: other } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await other.take('t', 5000, never)
  })

  it('room is given in the order in which it was asked for, whoever comes next and whoever leaves', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 9 }] })
    const given: string[] = []
    const leave = new AbortController()
    const take = (name: string, bytes: number, signal = never) =>
      watch.take('t', bytes, signal).then(
        () => given.push(name),
        () => given.push(`${name} left`),
      )
    const takes = [take('a', 400), take('b', 400), take('c', 10, leave.signal), take('d', 10)]
    leave.abort()
    while (state.asked < 5) await new Promise((resolve) => setImmediate(resolve))
    // The last one would have fitted all the time.
    assert.deepEqual(given, ['c left'])
    state.lags = [{ group: 'g', messages: 1 }]
    await takes[0]
    assert.deepEqual(given.slice(0, 2), ['c left', 'a'])
    state.lags = [{ group: 'g', messages: 0 }]
    await Promise.all(takes)
    assert.deepEqual(given, ['c left', 'a', 'b', 'd'])
  })

  it('those who wait for a broker that does not answer are refused together, not one after the other', async () => {
    const { watch, state } = createFixture({ lags: [], timeoutMs: 500 })
    state.failure = new PelletlineError('unavailable', 'The broker is away.')
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => watch.take('t', 10, never)))
    assert.ok(ends.every(({ status }) => status === 'rejected'))
    assert.ok(state.asked < 50, `${state.asked} questions`)
  })

  it('a broker that does not answer is asked again, and refused as unavailable in the end', async () => {
    const { watch, state } = createFixture({ lags: [], timeoutMs: 500 })
    state.failure = new PelletlineError('unavailable', 'The broker is away.')
    await assert.rejects(watch.take('t', 10, never), { code: 'unavailable' })
    assert.ok(state.asked > 5)
    state.failure = undefined
    await watch.take('t', 10, never)
  })

  it('far from the limit nobody waits for an answer', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await watch.take('t', 10, never)
    const { asked } = state
    for (let count = 0; count < 10; count += 1) await watch.take('t', 10, never)
    assert.equal(state.asked, asked)
  })
})
