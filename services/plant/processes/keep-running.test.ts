import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { createKeeper } from './keep-running.ts'
import { maxDeaths } from './supervise.ts'

/** Keeps a server whose restarts a test decides; resolves with the error by which it is given up. */
function keep(restart: () => Promise<void>) {
  const reports: string[] = []
  const failed = Promise.withResolvers<PelletlineError>()
  const revive = createKeeper({
    name: 'broker',
    restart,
    clock: { now: () => 0, nowNs: () => 0n, sleep: async () => undefined } satisfies Clock,
    report: (text) => void reports.push(text),
    onFailed: failed.resolve,
    signal: new AbortController().signal,
  })
  return { revive, reports, failed: failed.promise }
}

describe('a server that is kept running', () => {
  it('is given up with its last words and the next step where it ends by itself again and again', async () => {
    const { revive, reports, failed } = keep(async () => undefined)
    for (let death = 1; death <= maxDeaths; death++) {
      revive('No space left on device')
      await new Promise(setImmediate)
    }
    const { code, message } = await failed
    assert.equal(code, 'failed_precondition')
    assert.match(message, /^The broker has ended by itself for the 8th time in a row.*Its last words: No space left/)
    assert.match(message, /--log-level debug/)
    assert.equal(reports.length, maxDeaths - 1)
  })

  it('is given up with the reason for which it cannot be started', async () => {
    const { revive, failed } = keep(() => Promise.reject(new PelletlineError('unavailable', 'the port is taken')))
    revive('killed')
    assert.match((await failed).message, /could not be started \(the port is taken\) for the 8th time in a row/)
  })
})
