import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from './clock.ts'
import { withinTime } from './within-time.ts'

/** A clock whose waits end when the test says so; `pending` counts those that have not. */
function createStoppedClock() {
  const ends: (() => void)[] = []
  let pending = 0
  const clock: Pick<Clock, 'sleep'> = {
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        pending += 1
        ends.push(resolve)
        signal?.addEventListener('abort', () => {
          pending -= 1
          reject(signal.reason)
        })
      }),
  }
  const runOut = () => {
    for (const end of ends) end()
  }
  return { clock, pending: () => pending, runOut }
}

test('work that is done in time leaves no timer behind', async () => {
  const { clock, pending } = createStoppedClock()
  assert.equal(await withinTime(Promise.resolve(1), 1000, clock), true)
  assert.equal(pending(), 0)
})

test('work that takes too long is not waited for', async () => {
  const { clock, runOut } = createStoppedClock()
  const answer = withinTime(new Promise(() => {}), 1000, clock)
  runOut()
  assert.equal(await answer, false)
})

test('work that fails in time fails the wait, without a timer left', async () => {
  const { clock, pending } = createStoppedClock()
  await assert.rejects(withinTime(Promise.reject(new Error('no')), 1000, clock), /no/)
  assert.equal(pending(), 0)
})
