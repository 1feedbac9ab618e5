import { ConnectionPool, type Consumer, offsetCommitV8 } from '@platformatic/kafka'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { clientOptions } from './client-options.ts'

/** A member of a group in one of its generations, by the broker's own numbers. */
export interface Membership {
  readonly generationId: number
  readonly memberId: string
}

/** Sends commits of a group's member. */
export interface OffsetCommitter {
  /** Commits, for each partition, the offset of the next message to be read. Rejects where the group has another generation. */
  commit(membership: Membership, offsets: ReadonlyMap<number, bigint>): Promise<void>
  close(): Promise<void>
}

/**
 * Creates a committer with a connection of its own. The consumer's `commit` joins the group anew where a commit is refused
 * and sends the same offsets again (consumer.js, `#commit`): what an old generation had read, in the name of the new one,
 * on partitions that another member may have taken further. Here a refusal is a refusal, and the heartbeats join anew.
 */
export function createOffsetCommitter(
  settings: ConnectionSettings,
  consumer: Consumer<string, Buffer, string, string>,
  topic: string,
): OffsetCommitter {
  const pool = new ConnectionPool(settings.clientId, clientOptions(settings))
  return {
    async commit({ generationId, memberId }, offsets) {
      const coordinator = await consumer.findGroupCoordinator()
      const broker = (await consumer.metadata({ topics: [topic] })).brokers.get(coordinator)
      if (broker === undefined) throw new Error(`the coordinator of the group, node ${coordinator}, is not known`)
      const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({
        partitionIndex,
        committedOffset,
        committedLeaderEpoch: -1,
        committedMetadata: null,
      }))
      const connection = await pool.get(broker)
      const topics = [{ name: topic, partitions }]
      await offsetCommitV8.api.async(connection, consumer.groupId, generationId, memberId, null, topics)
    },
    close: () => pool.close(),
  }
}
