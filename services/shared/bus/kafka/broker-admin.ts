import type { OutgoingMessage } from '../bus.ts'
import type { BrokerRecord, PartitionRange } from './broker-client.ts'

/** A topic as it is at the broker. */
export interface BrokerTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly configuration: Readonly<Record<string, string>>
}

export interface TopicToCreate {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly configuration: Readonly<Record<string, string>>
}

export interface ReadPartitionOptions {
  readonly topic: string
  readonly partition: number
  /** First offset to read. */
  readonly from: bigint
  /** The offset before which reading ends. */
  readonly to: bigint
}

/** A record with the time at which its producer made it, Unix ms. */
export interface StoredRecord extends BrokerRecord {
  readonly timestampMs: number
}

/** What the commands for topics and dead letters, and the check of the plant, need of a broker. Rejections by `brokerError`. */
export interface BrokerAdmin {
  /** Number of brokers of the cluster. */
  brokerCount(): Promise<number>
  /** Those of the named topics that are there. */
  describeTopics(names: readonly string[]): Promise<readonly BrokerTopic[]>
  /** Whether a topic is there; needs no more than the right to describe it. */
  hasTopic(name: string): Promise<boolean>
  createTopic(topic: TopicToCreate): Promise<void>
  /** Adds partitions; their number never falls. */
  setPartitions(name: string, partitions: number): Promise<void>
  setConfiguration(name: string, configuration: Readonly<Record<string, string>>): Promise<void>
  ranges(topic: string): Promise<ReadonlyMap<number, PartitionRange>>
  /** Reads without a group; leaves no trace at the broker. */
  readPartition(options: ReadPartitionOptions): AsyncIterable<StoredRecord>
  send(topic: string, messages: readonly OutgoingMessage[]): Promise<void>
  close(): Promise<void>
}
