import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { systemClock } from '../../service/clock.ts'
import { silentLogger } from '../../telemetry/logger.ts'
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
function createFixture(maxInFlight: number) {
  const hands = new Map<string, PromiseWithResolvers<void> & { readonly signal: AbortSignal }>()
  const letters: string[] = []
  const member = createGroupMember({
    subscription: {
      topic: 't',
      group: 'g',
      maxInFlight,
      handle: ({ key }: IncomingMessage, signal) => {
        const hand = Promise.withResolvers<void>()
        hands.set(key, { ...hand, signal })
        return hand.promise
      },
    },
    retry: { firstPauseMs: 0, maxPauseMs: 0 },
    clock: systemClock,
    logger: silentLogger,
    deadLetter: async (message) => void letters.push(message.key),
    refuse: () => undefined,
    onProgress: () => {},
  })
  const end = (key: string) => hands.get(key)?.resolve()
  return { member, hands, letters, end }
}

describe('createGroupMember', () => {
  it('commits up to the lowest message in hand, whatever order they end in', async () => {
    const { member, end } = createFixture(3)
    member.assigned([0])
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

  it('takes no more than maxInFlight into its hands', async () => {
    const { member, hands, end } = createFixture(2)
    member.assigned([0])
    await member.take(record(1))
    await member.take(record(2))
    const third = member.take(record(3))
    await turn()
    assert.equal(hands.size, 2)
    end('0/2')
    await third
    assert.equal(hands.size, 3)
  })

  it('a message that fails again and again holds up its commit and nobody else', async () => {
    const { member, hands, end } = createFixture(1)
    member.assigned([0])
    await member.take(record(1))
    const next = member.take(record(2))
    hands.get('0/1')?.reject(new PelletlineError('unavailable', 'Not yet.'))
    await next
    end('0/2')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 1n]])
  })

  it('a revoked partition aborts its handlers and keeps those of the others', async () => {
    const { member, hands, end } = createFixture(4)
    member.assigned([0, 1])
    await member.take(record(5, 0))
    await member.take(record(7, 1))
    member.assigned([1])
    assert.equal(hands.get('0/5')?.signal.aborted, true)
    assert.equal(hands.get('1/7')?.signal.aborted, false)
    end('0/5')
    end('1/7')
    await turn()
    assert.deepEqual([...member.toCommit], [[1, 8n]])
  })

  it('a message read again after a rebalance is not handled twice while it is in hand', async () => {
    const { member, hands, end } = createFixture(4)
    member.assigned([0])
    await member.take(record(5))
    member.assigned([0])
    hands.clear()
    await member.take(record(5))
    assert.equal(hands.size, 0)
    await member.take(record(6))
    end('0/6')
    await turn()
    assert.deepEqual([...member.toCommit], [[0, 5n]])
  })

  it('a lasting failure goes to the dead letters and is committed', async () => {
    const { member, hands, letters } = createFixture(1)
    member.assigned([0])
    await member.take(record(1))
    hands.get('0/1')?.reject(new TypeError('x is undefined'))
    while (member.toCommit.get(0) !== 2n) await turn()
    assert.deepEqual(letters, ['0/1'])
  })

  it('drain waits for what is in hand and aborts what does not end in time', async () => {
    const { member, hands, end } = createFixture(2)
    member.assigned([0])
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
