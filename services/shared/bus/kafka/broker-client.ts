import type { OutgoingMessage } from '../bus.ts'
import type { BrokerAddress } from './broker-commands.ts'

/** A message as the broker holds it. */
export interface BrokerRecord extends OutgoingMessage {
  readonly partition: number
  readonly offset: bigint
}

/** First offset still kept, and the one that the next message will get. */
export interface PartitionRange {
  readonly start: bigint
  readonly end: bigint
}

/** What a consumer tells of the generations of its group: from one rebalance to the next, numbered upwards within a consumer. */
export interface ConsumerListener {
  /** In this generation the member has these partitions and no other. Called before any of their records. */
  assigned(generation: number, partitions: readonly number[]): void
  /**
   * Takes one record with the generation in which it was read; a record of a partition is given after those before it.
   * Resolves when the next may come.
   */
  take(generation: number, record: BrokerRecord): Promise<void>
  /** The consumer has ended by a failure and will give nothing more; it is closed and another one opened. */
  failed(reason: unknown): void
}

export interface OpenConsumerOptions {
  readonly topic: string
  readonly groupId: string
  readonly listener: ConsumerListener
}

/** A member of a group at the broker. */
export interface BrokerConsumer {
  /**
   * Commits, for each partition, the offset of the next message to be read, as the member of that generation and of no later
   * one: another member may have taken the partition further. Rejects where the group has moved on.
   */
  commit(generation: number, offsets: ReadonlyMap<number, bigint>): Promise<void>
  /** Leaves the group. Never rejects: a broker that is gone will notice by itself. */
  close(): Promise<void>
}

/**
 * What the bus needs of a Kafka client; the adapters below `kafkajs/` and `platformatic/` are nothing else. Every rejection
 * is a PelletlineError by `brokerError`: retryable where trying again can help.
 */
export interface BrokerClient {
  /** The way to the brokers, for the commands that errors name. */
  readonly address: BrokerAddress
  /** Sends messages of one topic in one request; resolves once all in-sync replicas have all of them. */
  send(topic: string, messages: readonly OutgoingMessage[]): Promise<void>
  /** Resolves once the member has joined; a new group begins at the oldest message that is kept. */
  openConsumer(options: OpenConsumerOptions): Promise<BrokerConsumer>
  /** Ranges of all partitions of a topic. */
  ranges(topic: string): Promise<ReadonlyMap<number, PartitionRange>>
  /** What a group has committed on a topic, without the partitions for which it has committed nothing. */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>>
  close(): Promise<void>
}
