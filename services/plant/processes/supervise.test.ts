import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import type { ProcessEnd } from './start-process.ts'
import { maxDeaths, type Supervised, supervise } from './supervise.ts'

/** A clock whose pauses pass at once, as long as nobody needs them to last. */
function createFastClock() {
  let now = 0
  const pauses: number[] = []
  const clock: Clock = {
    now: () => now,
    nowNs: () => BigInt(now) * 1_000_000n,
    async sleep(ms, signal) {
      if (signal?.aborted) throw new PelletlineError('cancelled', 'aborted')
      pauses.push(ms)
      now += ms
      // Long enough for what happens at once to happen first.
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    },
  }
  return { clock, pauses, pass: (ms: number) => (now += ms) }
}

const killed: ProcessEnd = { code: null, signal: 'SIGKILL', lastWords: '' }
const crashed: ProcessEnd = { code: 1, signal: null, lastWords: 'student-inference: out of memory' }

/** Supervises processes that live until the test ends them. */
function superviseFakes({ becomesReady = true } = {}) {
  const { clock, pauses, pass } = createFastClock()
  const lives: { end(how: ProcessEnd): void; readonly signals: string[] }[] = []
  const reports: string[] = []
  const waiting = new Set<() => void>()
  const supervised: Supervised = supervise({
    name: 'student-inference',
    logFile: 'student-inference.log',
    clock,
    report: (text) => void reports.push(text),
    onChanged: () => undefined,
    untilReady: () => (becomesReady ? Promise.resolve() : new Promise(() => undefined)),
    start() {
      const { promise, resolve } = Promise.withResolvers<ProcessEnd>()
      const signals: string[] = []
      lives.push({ end: resolve, signals })
      setImmediate(() => {
        for (const look of waiting) look()
      })
      const signal = (name: string) => {
        signals.push(name)
        resolve({ code: 0, signal: null, lastWords: '' })
      }
      return { pid: lives.length, ended: promise, signal }
    },
  })
  const untilLife = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (lives.length >= count) resolve()
      }
      waiting.add(look)
      look()
    })
  return { supervised, lives, reports, pauses, pass, untilLife }
}

describe('a supervised process', () => {
  it('is started again after it was killed, after pauses that grow, and says so', async () => {
    const { supervised, lives, reports, pauses, untilLife } = superviseFakes()
    await supervised.ready
    lives[0]!.end(killed)
    await untilLife(2)
    lives[1]!.end({ code: 1, signal: null, lastWords: 'student-inference: out of memory' })
    await untilLife(3)
    assert.equal(supervised.pid, 3)
    assert.match(reports[0]!, /^student-inference was killed by SIGKILL; it starts again in 0\.\d s\. Its log: student/)
    assert.match(reports[1]!, /ended with exit code 1 \(student-inference: out of memory\)/)
    assert.ok(pauses[0]! >= 125 && pauses[0]! <= 250 && pauses[1]! >= 250 && pauses[1]! <= 500, `${pauses}`)
    await supervised.stop(1000)
    assert.deepEqual(lives[2]!.signals, ['SIGTERM'])
    assert.equal(supervised.pid, undefined)
  })

  it('is given up with its own error where it refuses its configuration', async () => {
    const { supervised, lives } = superviseFakes({ becomesReady: false })
    lives[0]!.end({ code: 2, signal: null, lastWords: 'student-inference: a.json has a problem' })
    await assert.rejects(supervised.failed, { code: 'invalid_argument', message: /a\.json has a problem/ })
    await assert.rejects(supervised.ready, { code: 'invalid_argument' })
  })

  it('is given up with its own words where it has never taken work and ends by itself again and again', async () => {
    const { supervised, lives, untilLife } = superviseFakes({ becomesReady: false })
    for (let life = 1; life <= 3; life++) {
      await untilLife(life)
      lives[life - 1]!.end({ code: 1, signal: null, lastWords: 'student-inference: the topics belong to plant-2' })
    }
    await assert.rejects(supervised.failed, { message: 'student-inference: the topics belong to plant-2' })
    assert.equal(lives.length, 3)
  })

  it('is given up after as many deaths in a row as are allowed, and not where it ran between them', async () => {
    const { supervised, lives, pass, untilLife } = superviseFakes()
    for (let death = 1; death <= 2 * maxDeaths; death++) {
      await untilLife(death)
      // Readiness is told in a later turn than the start.
      await new Promise(setImmediate)
      pass(60_000)
      lives[death - 1]!.end(killed)
    }
    for (let death = 1; death <= maxDeaths; death++) {
      await untilLife(2 * maxDeaths + death)
      lives[2 * maxDeaths + death - 1]!.end(crashed)
    }
    await assert.rejects(supervised.failed, { code: 'failed_precondition', message: /8th time in a row/ })
    assert.equal(lives.length, 3 * maxDeaths)
  })

  it('is not given up where it has taken work and others kill it, however often', async () => {
    const { supervised, lives, untilLife } = superviseFakes()
    await supervised.ready
    for (let death = 1; death <= 3 * maxDeaths; death++) {
      await untilLife(death)
      lives[death - 1]!.end(killed)
    }
    await untilLife(3 * maxDeaths + 1)
    await supervised.stop(1000)
  })

  it('is not given up where it ends by itself after others have killed it again and again', async () => {
    const { supervised, lives, untilLife } = superviseFakes()
    await supervised.ready
    for (let death = 1; death < maxDeaths; death++) {
      await untilLife(death)
      lives[death - 1]!.end(killed)
    }
    for (let death = maxDeaths; death < 2 * maxDeaths - 1; death++) {
      await untilLife(death)
      lives[death - 1]!.end(crashed)
    }
    await untilLife(2 * maxDeaths - 1)
    lives.at(-1)!.end(crashed)
    await assert.rejects(supervised.failed, { code: 'failed_precondition', message: /8th time in a row/ })
  })

  it('is given up where it is killed before it has ever taken work, again and again', async () => {
    const { supervised, lives, untilLife } = superviseFakes({ becomesReady: false })
    for (let death = 1; death <= maxDeaths; death++) {
      await untilLife(death)
      lives[death - 1]!.end(killed)
    }
    await assert.rejects(supervised.failed, { code: 'failed_precondition', message: /8th time in a row/ })
  })
})
