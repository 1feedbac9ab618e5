import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf'

/** What a handler knows of its call beside the request. */
export interface CallContext {
  /** Aborted when the caller has gone, the deadline has passed, or the server drains beyond its patience. */
  readonly signal: AbortSignal
  /** Incoming metadata, lower-case names, text values only. */
  readonly metadata: Readonly<Record<string, string>>
  /** Address of the caller; `local` for a call within the process. */
  readonly peer: string
  /** Time until the deadline of the call, ms; absent where it has none. */
  readonly timeLeftMs?: () => number
}

/** Options of a call. */
export interface CallOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  readonly metadata?: Readonly<Record<string, string>>
}

type MethodKinds = DescService['method'][string]['methodKind']

/** Handler of one method; streams are async iterables, pulled at the reader's pace (flow control holds the writer). */
export type MethodHandler<M extends DescMethod> = HandlerOf<M['methodKind'], M>

// Declared as methods, whose parameters are compared both ways: so that the handlers of one service are assignable to
// the handlers of any service, and implementations of several services fit into one list.
type HandlerOf<K extends MethodKinds, M extends DescMethod> = K extends 'unary'
  ? { call(request: MessageShape<M['input']>, context: CallContext): Promise<MessageInitShape<M['output']>> }['call']
  : K extends 'server_streaming'
    ? {
        call(request: MessageShape<M['input']>, context: CallContext): AsyncIterable<MessageInitShape<M['output']>>
      }['call']
    : K extends 'client_streaming'
      ? {
          call(
            requests: AsyncIterable<MessageShape<M['input']>>,
            context: CallContext,
          ): Promise<MessageInitShape<M['output']>>
        }['call']
      : {
          call(
            requests: AsyncIterable<MessageShape<M['input']>>,
            context: CallContext,
          ): AsyncIterable<MessageInitShape<M['output']>>
        }['call']

/** All handlers of a service. */
export type ServiceHandlers<S extends DescService> = {
  readonly [N in keyof S['method']]: MethodHandler<S['method'][N]>
}

type ClientOf<K extends MethodKinds, M extends DescMethod> = K extends 'unary'
  ? (request: MessageInitShape<M['input']>, options?: CallOptions) => Promise<MessageShape<M['output']>>
  : K extends 'server_streaming'
    ? (request: MessageInitShape<M['input']>, options?: CallOptions) => AsyncIterable<MessageShape<M['output']>>
    : K extends 'client_streaming'
      ? (
          requests: AsyncIterable<MessageInitShape<M['input']>>,
          options?: CallOptions,
        ) => Promise<MessageShape<M['output']>>
      : (
          requests: AsyncIterable<MessageInitShape<M['input']>>,
          options?: CallOptions,
        ) => AsyncIterable<MessageShape<M['output']>>

/**
 * A typed client of a service. Services depend on this type only: over gRPC it is made by `createRpcClient`, within one
 * process by `createLocalClient`, and a caller cannot tell which. Every failure is a PelletlineError.
 *
 * A call whose answer is a stream begins when the stream is first read; leaving the loop cancels it, and the signal of
 * its options ends a read that waits.
 */
export type ServiceClient<S extends DescService> = {
  readonly [N in keyof S['method']]: ClientOf<S['method'][N]['methodKind'], S['method'][N]>
}

/** A service with its handlers, as a server or a local client takes it. */
export interface ServiceImplementation<S extends DescService = DescService> {
  readonly service: S
  readonly handlers: ServiceHandlers<S>
  /** Largest message that it takes, bytes, where that is less than its server does. Read at every call. */
  readonly maxMessageBytes?: number | undefined
  /**
   * How long an answer may wait for its reader, ms, before its call ends with DEADLINE_EXCEEDED; as long as the caller likes where
   * absent. Read at every answer.
   */
  readonly readTimeoutMs?: number | undefined
}
