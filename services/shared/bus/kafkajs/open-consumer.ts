import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import { createNotifier } from '../../queue/notifier.ts'
import type { BrokerConsumer, BrokerRecord, OpenConsumerOptions } from '../kafka/broker-client.ts'
import type { BrokerAddress } from '../kafka/broker-commands.ts'
import { brokerError } from '../kafka/broker-error.ts'
import { consumerLimits } from '../kafka/consumer-limits.ts'
import { createOffsetCommitter, type Membership } from './commit-offsets.ts'
import { protocolErrorsOf } from './protocol-errors.ts'

/** Kafka lets a header have no value, and a name more than one, of which the last counts. The types of kafkajs know no `null`. */
function headerText(value: unknown): string {
  const single = Array.isArray(value) ? value.at(-1) : value
  return single === undefined || single === null ? '' : String(single)
}

function toRecord(partition: number, message: KafkaMessage): BrokerRecord {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, headerText(value)])
  return {
    key: message.key?.toString('utf8') ?? '',
    value: message.value ?? new Uint8Array(0),
    headers: Object.fromEntries(headers),
    partition,
    offset: BigInt(message.offset),
  }
}

/** Waits for the work while the group hears of this member; rejects where the group rebalances meanwhile. */
async function whileBeating(work: Promise<void>, heartbeat: () => Promise<void>): Promise<void> {
  const done = work.then(() => true)
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const beat = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), consumerLimits.heartbeatIntervalMs)
    })
    const ended = await Promise.race([done, beat]).finally(() => clearTimeout(timer))
    if (ended) return
    await heartbeat()
  }
}

/** Joins a group; resolves once the first assignment is known. */
export async function openConsumer(
  kafka: Kafka,
  address: BrokerAddress,
  options: OpenConsumerOptions,
): Promise<BrokerConsumer> {
  const { topic, groupId, listener } = options
  const committer = createOffsetCommitter(groupId, topic)
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [committer.assigner],
    sessionTimeout: consumerLimits.sessionTimeoutMs,
    rebalanceTimeout: consumerLimits.rebalanceTimeoutMs,
    heartbeatInterval: consumerLimits.heartbeatIntervalMs,
    // A rebalance is noticed with a heartbeat, and those wait for a fetch.
    maxWaitTimeInMs: 100,
    maxBytes: consumerLimits.maxFetchBytes,
    maxBytesPerPartition: consumerLimits.maxPartitionBytes,
    allowAutoTopicCreation: false,
    readUncommitted: true,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1000, restartOnFailure: async () => false },
  })
  const failure = (what: string, cause: unknown) =>
    brokerError({ what, topic, address, protocolErrors: protocolErrorsOf(cause), cause })
  let closing = false
  /** Counts the assignments; the client tells the group's own number later. Undefined while it joins anew and after its end. */
  let generation: number | undefined
  let assignments = 0
  let memberId = ''
  /** The group's own number of this generation, which the first heartbeat brings. */
  let membership: Membership | undefined
  const changed = createNotifier()
  let crash: Error | undefined
  let joined = false
  const enter = (next: number | undefined) => {
    generation = next
    membership = undefined
    changed.notify()
  }
  consumer.on('consumer.crash', ({ payload }) => {
    crash = payload.error
    enter(undefined)
    if (joined && !closing) listener.failed(failure(`Reading ${topic} as ${groupId}`, crash))
  })
  consumer.on('consumer.rebalancing', () => enter(undefined))
  consumer.on('consumer.group_join', ({ payload }) => {
    assignments += 1
    memberId = payload.memberId
    enter(assignments)
    listener.assigned(assignments, payload.memberAssignment[topic] ?? [])
  })
  consumer.on('consumer.heartbeat', ({ payload }) => {
    // One that was on its way while the group was joined anew belongs to nothing.
    if (generation === undefined || payload.memberId !== memberId) return
    membership = { generationId: payload.groupGenerationId, memberId }
    changed.notify()
  })
  const close = async () => {
    closing = true
    changed.notify()
    await consumer.disconnect().catch(() => {})
  }
  /** Resolves with the membership of a generation once it is known, within a heartbeat; rejects where the group has moved on. */
  const membershipOf = async (of: number): Promise<Membership> => {
    for (;;) {
      const change = changed.changed()
      if (of !== generation || closing) throw new Error('the group has moved on to another generation')
      if (membership !== undefined) return membership
      await change
    }
  }
  const eachBatch = async (payload: EachBatchPayload) => {
    const { batch, heartbeat, resolveOffset, isRunning, isStale } = payload
    const own = generation
    for (const message of batch.messages) {
      if (closing || !isRunning() || isStale() || own === undefined || own !== generation) return
      await whileBeating(listener.take(own, toRecord(batch.partition, message)), heartbeat)
      resolveOffset(message.offset)
      // Short takes through a long batch would be silence otherwise; the client sends no more than one an interval.
      await heartbeat()
    }
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
    if (crash !== undefined) throw crash
    joined = true
  } catch (thrown) {
    await close()
    throw thrown
  }
  return {
    async commit(of, offsets) {
      try {
        await committer.commit(await membershipOf(of), offsets)
      } catch (cause) {
        throw failure(`Committing as ${groupId}`, cause)
      }
    },
    close,
  }
}
