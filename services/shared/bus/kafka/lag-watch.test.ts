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
    const waiting = watch.room('t', 200, never).then(() => {
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
    const waiting = watch.room('t', 100, AbortSignal.timeout(20))
    await assert.rejects(waiting)
  })

  it('what this process publishes counts before the broker is asked again', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await watch.room('t', 600, never)
    const durable = watch.take('t', 1, 600)
    durable()
    state.lags = [{ group: 'g', messages: 1 }]
    await assert.rejects(watch.room('t', 600, AbortSignal.timeout(20)))
  })

  it('bytes on their way count though the broker does not know them yet', async () => {
    const { watch } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await watch.room('t', 600, never)
    watch.take('t', 1, 600)
    await assert.rejects(watch.room('t', 600, AbortSignal.timeout(20)))
  })

  it('a topic that no group reads and a message larger than the limit pass', async () => {
    const { watch } = createFixture({ lags: [] })
    watch.take('t', 1, 5000)
    await watch.room('t', 5000, never)
    const { watch: other } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await other.room('t', 5000, never)
  })

  it('a broker that does not answer is asked again, and refused as unavailable in the end', async () => {
    const { watch, state } = createFixture({ lags: [], timeoutMs: 500 })
    state.failure = new PelletlineError('unavailable', 'The broker is away.')
    await assert.rejects(watch.room('t', 10, never), { code: 'unavailable' })
    assert.ok(state.asked > 5)
    state.failure = undefined
    await watch.room('t', 10, never)
  })

  it('far from the limit nobody waits for an answer', async () => {
    const { watch, state } = createFixture({ lags: [{ group: 'g', messages: 0 }] })
    await watch.room('t', 10, never)
    const { asked } = state
    for (let count = 0; count < 10; count += 1) await watch.room('t', 10, never)
    assert.equal(state.asked, asked)
  })
})
