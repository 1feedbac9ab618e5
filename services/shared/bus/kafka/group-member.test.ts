import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../../service/clock.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import type { IncomingMessage } from '../bus.ts'
import type { BrokerRecord } from './broker-client.ts'
import { createGroupMember } from './group-member.ts'

const record = (offset: number, partition = 0): BrokerRecord => ({
  key: `${partition}/${offset}`,
  value: new Uint8Array(1),
  headers: {},
  partition,
  offset: BigInt(offset),
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A member whose handlers end when the test says so. */
function createFixture(
  maxInFlight: number,
  clock: Clock = systemClock,
  written = async () => {},
  refuse: () => PelletlineError | undefined = () => undefined,
) {
  const counts = { now: 0, most: 0 }
  const hands = new Map<string, PromiseWithResolvers<void> & { readonly signal: AbortSignal }>()
  const letters: string[] = []
  const moved: string[] = []
  const lost: { partition: number; lost: number }[] = []
  const warned: Record<string, unknown>[] = []
  const logger: Logger = {
    ...silentLogger,
    warn: (fields) => void warned.push(fields),
    error: (fields: object) => lost.push(fields as (typeof lost)[number]),
  }
  const member = createGroupMember({
    subscription: {
      topic: 't',
      group: 'g',
      maxInFlight,
      handle: ({ key }: IncomingMessage, signal) => {
        const hand = Promise.withResolvers<void>()
        hands.set(key, { ...hand, signal })
        counts.now += 1
        counts.most = Math.max(counts.most, counts.now)
        return hand.promise.finally(() => {
          counts.now -= 1
        })
      },
      onDeadLetter: ({ key }) => moved.push(key),
    },
    retry: { firstPauseMs: 0, maxPauseMs: 0 },
    clock,
    logger,
    deadLetter: (message) => {
      letters.push(message.key)
      return written()
    },
    refuse,
    onProgress: () => {},
  })
  const end = (key: string) => hands.get(key)?.resolve()
  /** Begins a generation with these partitions, of which the group has committed so much; each holds 1,000 messages, or those from `startAt`. */
  const assign = (committed: Readonly<Record<number, number | undefined>>, endAt = 1000, startAt = 0) => {
    const numbers = Object.keys(committed).map(Number)
    member.assigned(numbers)
    const position = (number: number) => {
      const offset = committed[number]
      const range = { start: BigInt(startAt), end: BigInt(endAt) }
      return { committed: offset === undefined ? undefined : BigInt(offset), range }
    }
    member.resume(new Map(numbers.map((number) => [number, position(number)])))
  }
  return { member, hands, counts, letters, moved, lost, warned, end, assign }
}

describe('createGroupMember', () => {
  it('commits up to the lowest message in hand, whatever order they end in', async () => {
    const { member, end, assign } = createFixture(3)
    assign({ 0: 0 })
    for (const offset of [1, 2, 3]) await member.take(record(offset))
    end('0/3')
    end('0/2')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 1n]])
    end('0/1')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 4n]])
    member.committed(member.toCommit)
    assert.equal(member.toCommit.size, 0)
  })

  it('commits where it begins on a partition without a commit, and nothing before it knows where the group stands', () => {
    const { member, assign } = createFixture(1)
    member.assigned([0, 1])
    assert.equal(member.toCommit.size, 0)
    assign({ 0: undefined, 1: 7 })
    assert.deepEqual([...member.toCommit], [[0, 0n]])
  })

  it('says how many messages the broker deleted before they were handled, while the group was away and while it reads', async () => {
    const { member, lost, end, assign } = createFixture(3)
    assign({ 0: 10, 1: undefined, 2: 60 }, 1000, 50)
    const of = () => lost.map(({ partition, lost }) => [partition, lost])
    assert.deepEqual(of(), [[0, 40]])
    assert.deepEqual(member.toCommit.get(0), 50n)
    await member.take(record(50))
    await member.take(record(51))
    assert.equal(lost.length, 1)
    await member.take(record(70))
    assert.deepEqual(of(), [
      [0, 40],
      [0, 18],
    ])
    for (const offset of [50, 51, 70]) end(`0/${offset}`)
    await turn()
    assert.equal(member.toCommit.get(0), 71n)
    // What another member has handled meanwhile is no loss.
    assign({ 0: 300, 2: 60 }, 1000, 50)
    await member.take(record(300))
    assert.equal(lost.length, 2)
    // What is read again after a rebalance is no loss, and neither is what another generation begins with.
    assign({ 0: 301, 2: 60 }, 1000, 50)
    await member.take(record(301))
    assert.equal(lost.length, 2)
  })

  it('logs the same reason of redeliveries once in a while, with a count of what it left out', async () => {
    const { member, hands, warned, assign } = createFixture(1)
    assign({ 0: 1 })
    await member.take(record(1))
    for (let failures = 1; failures <= 40; failures++) {
      const hand = hands.get('0/1')!
      hand.reject(new PelletlineError('unavailable', `No space left on device, file ${failures}.`))
      while (hands.get('0/1') === hand) await turn()
    }
    assert.equal(warned.length, 1)
    assert.equal(warned[0]!['key'], '0/1')
    hands.get('0/1')!.resolve()
    await member.drain(1_000)
    assert.deepEqual(
      warned.map(({ leftOut }) => leftOut),
      [undefined, 38],
    )
  })

  it('takes no more than maxInFlight into its hands', async () => {
    const { member, hands, end, assign } = createFixture(2)
    assign({ 0: 1 })
    await member.take(record(1))
    await member.take(record(2))
    const third = member.take(record(3))
    await turn()
    assert.equal(hands.size, 2)
    end('0/2')
    await third
    assert.equal(hands.size, 3)
  })

  it('takes no more than maxInFlight into its hands when many pauses end at once', async () => {
    const pauses: (() => void)[] = []
    const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => pauses.push(resolve)) }
    const { member, hands, counts, assign } = createFixture(2, clock)
    assign({ 0: 0 })
    await member.take(record(0))
    await member.take(record(1))
    for (const key of ['0/0', '0/1']) hands.get(key)?.reject(new PelletlineError('unavailable', 'Not yet.'))
    await turn()
    await member.take(record(2))
    const last = member.take(record(3))
    hands.get('0/2')?.reject(new PelletlineError('unavailable', 'Not yet.'))
    await turn()
    assert.equal(pauses.length, 3)
    for (const wake of pauses) wake()
    await turn()
    assert.equal(counts.most, 2)
    for (const key of ['0/0', '0/1', '0/2']) hands.get(key)?.resolve()
    await last
    await turn()
    assert.equal(counts.most, 2)
  })

  it('a message on its way to the dead letters keeps its place', async () => {
    const letter = Promise.withResolvers<void>()
    const { member, hands, assign } = createFixture(1, systemClock, () => letter.promise)
    assign({ 0: 0 })
    await member.take(record(0))
    const next = member.take(record(1))
    hands.get('0/0')?.reject(new TypeError('x is undefined'))
    await turn()
    assert.equal(hands.has('0/1'), false)
    letter.resolve()
    await next
    assert.equal(hands.has('0/1'), true)
    assert.deepEqual([...member.toCommit], [[0, 1n]])
  })

  it('a refused message whose letter cannot be written is refused again, and committed once it is in the dead letters', async () => {
    let fails = 2
    const written = async () => {
      fails -= 1
      if (fails >= 0) throw new PelletlineError('unavailable', 'The dead letters have no broker.')
    }
    const refuse = () => new PelletlineError('invalid_argument', 'The message belongs to plant other.')
    const { member, hands, letters, moved, assign } = createFixture(1, systemClock, written, refuse)
    assign({ 0: 0 })
    await member.take(record(0))
    while (fails >= 0) {
      assert.deepEqual([...member.toCommit], [])
      assert.deepEqual(moved, [])
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await turn()
    assert.deepEqual(letters, ['0/0', '0/0', '0/0'])
    assert.deepEqual(moved, ['0/0'], 'told of once, when it was written')
    assert.equal(hands.has('0/0'), false, 'its handler never gets it')
    assert.deepEqual([...member.toCommit], [[0, 1n]])
  })

  it('a message that fails again and again holds up its commit and nobody else', async () => {
    const { member, hands, end, assign } = createFixture(1)
    assign({ 0: 0 })
    await member.take(record(1))
    const next = member.take(record(2))
    hands.get('0/1')?.reject(new PelletlineError('unavailable', 'Not yet.'))
    await next
    end('0/2')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 1n]])
  })

  it('a revoked partition aborts its handlers and keeps those of the others', async () => {
    const { member, hands, end, assign } = createFixture(4)
    assign({ 0: 5, 1: 7 })
    await member.take(record(5, 0))
    await member.take(record(7, 1))
    assign({ 1: 7 })
    assert.equal(hands.get('0/5')?.signal.aborted, true)
    assert.equal(hands.get('1/7')?.signal.aborted, false)
    end('0/5')
    end('1/7')
    await turn()
    assert.deepEqual([...member.toCommit], [[1, 8n]])
  })

  it('a message read again after a rebalance is not handled twice, in hand or handled', async () => {
    const { member, hands, end, assign } = createFixture(4)
    assign({ 0: 5 })
    for (const offset of [5, 6, 7]) await member.take(record(offset))
    end('0/5')
    end('0/7')
    await turn()
    assign({ 0: 5 })
    hands.clear()
    for (const offset of [5, 6, 7, 8]) await member.take(record(offset))
    assert.deepEqual([...hands.keys()], ['0/8'])
    end('0/8')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 6n]])
  })

  it('does not take a commit back that another member made while this one was out of the group', async () => {
    const { member, end, assign } = createFixture(4)
    assign({ 0: 5 })
    await member.take(record(5))
    assign({ 0: 90 })
    assert.equal(member.toCommit.size, 0)
    end('0/5')
    await member.take(record(90))
    await turn()
    assert.equal(member.toCommit.size, 0)
    end('0/90')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 91n]])
  })

  it('a topic that was made anew begins anew: old handlers are aborted and do not count for the new messages', async () => {
    const { member, hands, end, assign } = createFixture(4)
    assign({ 0: 1 })
    for (const offset of [1, 2]) await member.take(record(offset))
    end('0/1')
    await turn()
    member.committed(member.toCommit)
    const old = hands.get('0/2')
    assign({ 0: undefined })
    assert.equal(old?.signal.aborted, true)
    old?.resolve()
    for (const offset of [0, 1, 2]) await member.take(record(offset))
    assert.deepEqual([...member.toCommit], [[0, 0n]])
    for (const key of ['0/0', '0/1', '0/2']) end(key)
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 3n]])
  })

  it('a commit beyond the end of a topic that was made anew does not hold up what is read from its beginning', async () => {
    const { member, end, assign } = createFixture(1)
    assign({ 0: 51 }, 3)
    await member.take(record(0))
    end('0/0')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 1n]])
  })

  it('says so where reading goes back within a generation', async () => {
    const { member, assign } = createFixture(4)
    assign({ 0: 50 })
    await member.take(record(50))
    await assert.rejects(member.take(record(0)), { code: 'unavailable', message: /goes back from 50 to 0/ })
  })

  it('a lasting failure goes to the dead letters and is committed', async () => {
    const { member, hands, letters, assign } = createFixture(1)
    assign({ 0: 1 })
    await member.take(record(1))
    hands.get('0/1')?.reject(new TypeError('x is undefined'))
    while (member.toCommit.get(0) !== 2n) await turn()
    assert.deepEqual(letters, ['0/1'])
  })

  it('drain waits for what is in hand and aborts what does not end in time', async () => {
    const { member, hands, end, assign } = createFixture(2)
    assign({ 0: 1 })
    await member.take(record(1))
    await member.take(record(2))
    end('0/1')
    await member.drain(5)
    assert.equal(hands.get('0/2')?.signal.aborted, true)
    assert.deepEqual([...member.toCommit], [[0, 2n]])
    await member.take(record(3))
    assert.equal(hands.has('0/3'), false)
  })
})
