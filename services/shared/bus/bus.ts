/** A message to publish. */
export interface OutgoingMessage {
  /** `line/camera/strip`; spreads strips over partitions. Nothing downstream depends on order. */
  readonly key: string
  /** The bus may keep these bytes until they are committed: a producer does not write into them again. */
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** A message as a subscriber gets it; at least once, in any order. */
export interface IncomingMessage extends OutgoingMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** How often it was delivered before, as far as the bus knows. */
  readonly redeliveries: number
}

export interface SubscribeOptions {
  readonly topic: string
  /** Each group gets every message; the members of a group share them. */
  readonly group: string
  /** Messages that may be in the hands of `handle` at once; the bus delivers no more. */
  readonly maxInFlight: number
  /**
   * Handles one message. Its offset is committed after the promise resolves, never before. A rejection with a retryable
   * PelletlineError redelivers the message after a pause; any other rejection moves it to the dead-letter topic with the reason.
   */
  readonly handle: (message: IncomingMessage, signal: AbortSignal) => Promise<void>
  /** Told of each message that is in the dead letters now, also of one that never reached `handle`. */
  readonly onDeadLetter?: ((message: IncomingMessage) => void) | undefined
}

/** A member of a consumer group. */
export interface Subscription {
  /**
   * Stops deliveries, waits for the handlers in progress (at most timeoutMs), commits, leaves the group. Rejects with
   * `unavailable` where the broker lets neither happen within some seconds more: what was handled comes again to the next
   * member. The member is gone in either case.
   */
  drain(timeoutMs: number): Promise<void>
}

/**
 * The bus as the services see it: publish, subscribe, depth, close. Delivery is at least once; sinks are idempotent.
 */
export interface Bus {
  /**
   * Resolves once the messages are durable. Where the topic is full (a group lags by the topic's limit) it waits: this is
   * how a slow consumer slows its producer. Rejects with `cancelled` on abort, `unavailable` once the bus is closed.
   */
  publish(topic: string, messages: readonly OutgoingMessage[], signal?: AbortSignal): Promise<void>
  subscribe(options: SubscribeOptions): Promise<Subscription>
  /** Messages of a topic that a group has not committed, and the share 0..1 of the topic's limit that they fill. */
  lag(topic: string, group: string): Promise<{ readonly messages: number; readonly fill: number }>
  close(): Promise<void>
}
