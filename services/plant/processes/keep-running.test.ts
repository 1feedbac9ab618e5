import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { createKeeper, shortenWords } from './keep-running.ts'
import { maxDeaths } from './supervise.ts'

/** Keeps a server whose restarts a test decides; resolves with the error by which it is given up. */
function keep(restart: () => Promise<void>, logFile?: string) {
  const reports: string[] = []
  const failed = Promise.withResolvers<PelletlineError>()
  const revive = createKeeper({
    name: 'broker',
    ...(logFile === undefined ? {} : { logFile }),
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

  it('is reported with its last words and its log at its first death', async () => {
    const { revive, reports } = keep(async () => undefined, '/plant/logs/broker.log')
    revive('12:00:00.000 ERROR Shutdown broker\njava.io.IOException: No space left on device')
    await new Promise(setImmediate)
    assert.match(
      reports[0]!,
      /^the broker has ended by itself \(its last words: ERROR Shutdown broker \| java\.io\.IOException: No space left on device\); it starts again in 0\.\d s\. Its log: \/plant\/logs\/broker\.log\.$/,
    )
  })

  it('is reported in a bounded line, whatever it said', async () => {
    const reason = `it ended: ${'FATAL: the database system is in recovery mode\n'.repeat(500)}no space`
    const { revive, reports, failed } = keep(() => Promise.reject(new PelletlineError('unavailable', reason)))
    revive(`ERROR ${'x'.repeat(100_000)}`)
    await failed
    assert.ok(reports.every((report) => report.length < 1_000 && !report.includes('\n')))
    assert.match(reports[1]!, /could not be started \(it ended: .* \.\.\. .*no space\)/)
  })
})

describe('last words', () => {
  it('are the last different lines of errors', () => {
    const lines = ['PANIC:  No space left on device']
    for (let time = 10; time < 20; time++)
      lines.push(`12:00:${time}.000 ERROR Append failed`, 'LOG:  database is shut down')
    assert.equal(shortenWords(lines.join('\n')), 'PANIC:  No space left on device | ERROR Append failed')
  })

  it('are the last lines where none is of an error, and nothing where there is none', () => {
    assert.equal(shortenWords('one\ntwo\nthree\nfour\nfive'), 'two | three | four | five')
    assert.equal(shortenWords(''), '')
  })
})
