import { type Broker, type Cluster, type PartitionAssigner, PartitionAssigners } from 'kafkajs'

/** A member of a group in one of its generations, by the broker's own numbers. */
export interface Membership {
  readonly generationId: number
  readonly memberId: string
}

/** Sends commits of a group's member. */
export interface OffsetCommitter {
  /** For the consumer: the library's assigner, which is also the one public way to the consumer's connections. */
  readonly assigner: PartitionAssigner
  /** Commits, for each partition, the offset of the next message to be read. Rejects where the group has another generation. */
  commit(membership: Membership, offsets: ReadonlyMap<number, bigint>): Promise<void>
}

/**
 * Creates a committer for one consumer. `consumer.commitOffsets` sends what failed again, after a rebalance in the name of the new
 * generation (kafkajs, runner.js, `commitOffsets`), and resolves without having committed where the consumer has ended; the call that
 * does neither comes with the first batch only, too late for where a group begins. Here a request is sent once, with the generation
 * that it belongs to.
 */
export function createOffsetCommitter(groupId: string, topic: string): OffsetCommitter {
  let cluster: Cluster | undefined
  let coordinator: Broker | undefined

  return {
    assigner(config) {
      cluster = config.cluster
      return PartitionAssigners.roundRobin(config)
    },
    async commit({ generationId, memberId }, offsets) {
      const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }))
      try {
        if (coordinator?.isConnected() !== true) coordinator = await cluster!.findGroupCoordinator({ groupId })
        const topics = [{ topic, partitions }]
        await coordinator.offsetCommit({ groupId, groupGenerationId: generationId, memberId, topics })
      } catch (cause) {
        // The group may have moved to another node.
        coordinator = undefined
        throw cause
      }
    },
  }
}
