import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../../service/clock.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import type { IncomingMessage, Subscription } from '../bus.ts'
import type { BrokerClient, BrokerRecord, ConsumerListener } from './broker-client.ts'
import { createGroupMember } from './group-member.ts'
import { openSubscription } from './open-subscription.ts'

const record = (offset: number): BrokerRecord => ({
  key: `${offset}`,
  value: new Uint8Array(1),
  headers: {},
  partition: 0,
  offset: BigInt(offset),
})

const turn = () => new Promise((resolve) => setImmediate(resolve))
const never = new Promise<never>(() => {})

/** Waits for what must come; the runner's own timeout ends a wait that never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** A clock on which every wait is over in a moment, and one on which only the pauses between attempts are. */
const quickClock: Clock = { ...systemClock, sleep: async () => void (await turn()) }
const quickPauses: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms < 5000 ? quickClock : systemClock).sleep(ms, signal),
}

interface Sent {
  readonly generation: number
  readonly offset: bigint
}

/** A group at a broker of one partition with 1,000 messages, whose rebalances the test brings about. */
function createGroup() {
  const sent: Sent[] = []
  const consumers: { readonly listener: ConsumerListener; closed: boolean }[] = []
  let committed: bigint | undefined
  const group = {
    sent,
    consumers,
    /** What the next commit or opening does before it is answered. */
    answer: async () => {},
    opening: async () => {},
    get committed() {
      return committed
    },
    set committed(offset: bigint | undefined) {
      committed = offset
    },
    listener: () => consumers.at(-1)?.listener as ConsumerListener,
  }
  let generation = 1
  const client: BrokerClient = {
    address: { brokers: ['kafka-1:9092'] },
    send: async () => {},
    async openConsumer({ listener }) {
      await group.opening()
      const consumer = { listener, closed: false }
      consumers.push(consumer)
      listener.assigned(generation, [0])
      generation += 1
      return {
        async commit(of, offsets) {
          await group.answer()
          const offset = offsets.get(0) as bigint
          sent.push({ generation: of, offset })
          committed = offset
        },
        async close() {
          consumer.closed = true
        },
      }
    },
    ranges: async () => new Map([[0, { start: 0n, end: 1000n }]]),
    committed: async () => new Map(committed === undefined ? [] : [[0, committed]]),
    close: async () => {},
  }
  return { group, client }
}

function subscribe(
  client: BrokerClient,
  handle: (message: IncomingMessage) => Promise<void>,
  { clock = systemClock, signal }: { clock?: Clock; signal?: AbortSignal } = {},
): Promise<Subscription> {
  return openSubscription({
    client,
    topic: 't',
    groupId: 'g.t',
    createMember: (onProgress) =>
      createGroupMember({
        subscription: { topic: 't', group: 'g', maxInFlight: 4, handle },
        retry: { firstPauseMs: 1, maxPauseMs: 1 },
        clock,
        logger: silentLogger,
        deadLetter: async () => {},
        refuse: () => undefined,
        onProgress,
      }),
    clock,
    logger: silentLogger,
    closed: new AbortController().signal,
    signal,
  })
}

describe('openSubscription', { timeout: 60_000 }, () => {
  it('commits where the group begins before it resolves, and never takes a later commit back by it', async () => {
    const { group, client } = createGroup()
    const subscription = await subscribe(client, async () => {})
    assert.deepEqual(group.sent, [{ generation: 1, offset: 0n }])
    for (const offset of [0, 1, 2]) await group.listener().take(1, record(offset))
    await until(() => group.committed === 3n)
    group.listener().assigned(2, [0])
    await group.listener().take(2, record(3))
    await until(() => group.committed === 4n)
    await subscription.drain(1000)
    const offsets = group.sent.map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      [...offsets].sort((a, b) => Number(a - b)),
    )
  })

  it('drops a record that was read before a rebalance', async () => {
    const { group, client } = createGroup()
    const handled: string[] = []
    const subscription = await subscribe(client, async ({ key }) => void handled.push(key))
    group.listener().assigned(2, [0])
    await group.listener().take(1, record(7))
    await group.listener().take(2, record(0))
    assert.deepEqual(handled, ['0'])
    await subscription.drain(1000)
    assert.equal(group.committed, 1n)
  })

  it('what an old generation wanted to commit is not sent in the new one when another member has come further', async () => {
    const { group, client } = createGroup()
    const release = Promise.withResolvers<void>()
    const subscription = await subscribe(client, async () => {})
    let refused = 0
    group.answer = async () => {
      refused += 1
      await release.promise
      throw new PelletlineError('unavailable', 'ILLEGAL_GENERATION')
    }
    await group.listener().take(1, record(0))
    await until(() => refused === 1)
    group.committed = 90n
    group.listener().assigned(2, [])
    group.listener().assigned(3, [0])
    group.answer = async () => {}
    release.resolve()
    await group.listener().take(3, record(90))
    await until(() => group.committed === 91n)
    await subscription.drain(1000)
    assert.deepEqual(group.sent.slice(1), [{ generation: 3, offset: 91n }])
  })

  it('a consumer that has lost its group is closed and another one opened, which goes on where the group stands', async () => {
    const { group, client } = createGroup()
    const handled: string[] = []
    const subscription = await subscribe(client, async ({ key }) => void handled.push(key), { clock: quickPauses })
    await group.listener().take(1, record(0))
    await until(() => group.committed === 1n)
    group.listener().failed(new PelletlineError('unavailable', 'The group could not be joined anew.'))
    group.listener().failed(new PelletlineError('unavailable', 'The group could not be joined anew.'))
    await until(() => group.consumers.length === 2)
    assert.equal(group.consumers[0]?.closed, true)
    await group.consumers[0]?.listener.take(1, record(1))
    await group.listener().take(2, record(1))
    assert.deepEqual(handled, ['0', '1'])
    await subscription.drain(1000)
    assert.equal(group.consumers.length, 2)
    assert.deepEqual(group.sent.at(-1), { generation: 2, offset: 2n })
  })

  it('reading that goes back makes it ask anew where the group stands', async () => {
    const { group, client } = createGroup()
    const subscription = await subscribe(client, async () => {}, { clock: quickPauses })
    for (const offset of [0, 1, 2]) await group.listener().take(1, record(offset))
    await until(() => group.committed === 3n)
    group.committed = undefined
    await group.listener().take(1, record(0))
    await until(() => group.consumers.length === 2 && group.committed === 0n)
    await group.listener().take(2, record(0))
    await until(() => group.committed === 1n)
    await subscription.drain(1000)
  })

  it('joining a broker that does not answer ends with the abort, and a consumer that comes later is closed', async () => {
    const { group, client } = createGroup()
    const answer = Promise.withResolvers<void>()
    group.opening = () => answer.promise
    const control = new AbortController()
    const joining = subscribe(client, async () => {}, { signal: control.signal })
    control.abort(new PelletlineError('cancelled', 'The service was told to end.'))
    await assert.rejects(joining, { code: 'cancelled', message: 'The service was told to end.' })
    answer.resolve()
    await until(() => group.consumers.length === 1 && group.consumers[0]?.closed === true)
  })

  it('joining a broker that does not answer ends after its time, with the broker and what to do', async () => {
    const { group, client } = createGroup()
    group.opening = () => never
    await assert.rejects(
      subscribe(client, async () => {}, { clock: quickClock }),
      {
        code: 'unavailable',
        message:
          /^Joining g\.t did not succeed within 30 s at kafka-1:9092 .*npx pelletline topics check --brokers kafka-1:9092$/,
      },
    )
  })

  it('an abort after the joining leaves the subscription as it is', async () => {
    const { group, client } = createGroup()
    const control = new AbortController()
    const subscription = await subscribe(client, async () => {}, { signal: control.signal })
    control.abort(new PelletlineError('cancelled', 'The service was told to end.'))
    group.listener().assigned(2, [0])
    await group.listener().take(2, record(0))
    await subscription.drain(1000)
    assert.equal(group.committed, 1n)
  })

  it('a drain whose last commit is not answered ends after its time, with the broker and what to do', async () => {
    const { group, client } = createGroup()
    let slow = false
    // Only pauses of seconds are over at once: those that end a wait for the broker.
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => (slow && ms >= 1000 ? quickClock : systemClock).sleep(ms, signal),
    }
    const subscription = await subscribe(client, async () => {}, { clock })
    group.answer = () => never
    await group.listener().take(1, record(0))
    slow = true
    await assert.rejects(subscription.drain(1000), {
      code: 'unavailable',
      message: /^The last commit of g\.t, .* did not succeed within 5 s at kafka-1:9092/,
    })
    assert.equal(group.consumers[0]?.closed, true)
  })
})
