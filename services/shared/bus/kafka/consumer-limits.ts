/**
 * Limits of every consumer. A member that is gone is noticed after the session timeout, the shortest that brokers allow by
 * default, so that another one has its messages within 15 s. What a fetch brings bounds the memory.
 */
export const consumerLimits = {
  sessionTimeoutMs: 6000,
  rebalanceTimeoutMs: 15_000,
  heartbeatIntervalMs: 500,
  /** How long the broker holds a fetch that would be empty. */
  maxWaitMs: 500,
  /** Bytes of one answer; a larger message still comes, alone. */
  maxFetchBytes: 16_777_216,
  maxPartitionBytes: 4_194_304,
} as const
