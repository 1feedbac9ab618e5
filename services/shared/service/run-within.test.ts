import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { runWithin } from './run-within.ts'

/** A clock whose sleeps end when the test says so. */
function createClock() {
  const end = Promise.withResolvers<void>()
  return { clock: { sleep: () => end.promise }, end: () => end.resolve() }
}

const late = () => new PelletlineError('deadline_exceeded', 'Too late.')
const endless = (heard: PelletlineError[]) => (stop: AbortSignal) =>
  new Promise<never>(() => stop.addEventListener('abort', () => heard.push(stop.reason)))

describe('runWithin', () => {
  it('gives the outcome of work that ends in time', async () => {
    const { clock } = createClock()
    assert.equal(await runWithin(async () => 7, { ms: 10, clock, late }), 7)
    const failing = runWithin(async () => Promise.reject(new TypeError('x')), { ms: 10, clock, late })
    await assert.rejects(failing, TypeError)
  })

  it('rejects with the given error when the time is over, and tells the work', async () => {
    const { clock, end } = createClock()
    const heard: PelletlineError[] = []
    const running = runWithin(endless(heard), { ms: 10, clock, late })
    end()
    await assert.rejects(running, { code: 'deadline_exceeded', message: 'Too late.' })
    assert.equal(heard[0]?.code, 'deadline_exceeded')
  })

  it('rejects with the reason of an abort, before the work begins as well', async () => {
    const { clock } = createClock()
    const control = new AbortController()
    const running = runWithin(endless([]), { ms: 10, clock, late, signal: control.signal })
    control.abort(new PelletlineError('cancelled', 'Told to end.'))
    await assert.rejects(running, { message: 'Told to end.' })
    let begun = false
    const work = async () => {
      begun = true
    }
    await assert.rejects(runWithin(work, { ms: 10, clock, late, signal: control.signal }), { code: 'cancelled' })
    assert.equal(begun, false)
  })
})
