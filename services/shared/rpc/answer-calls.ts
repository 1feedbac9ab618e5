import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { type handleBidiStreamingCall, type handleUnaryCall, Metadata, status } from '@grpc/grpc-js'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { abortable } from './abortable-iterable.ts'
import { type FailedStatus, toStatus } from './error-status.ts'
import { type ArrivalGuard, type ArrivalLimit, type RefusedCall, tooLargeError } from './guard-arrivals.ts'
import { type Invoke, type InvokeUnary, methodName, streamsIn, type UnaryCall } from './invoke-handler.ts'
import { limitRecords } from './limit-records.ts'
import { asBuffer, readMessages } from './message-stream.ts'
import type { CallContext } from './types.ts'
import { createAnswerWriter } from './write-answers.ts'

export interface CallAnswersOptions {
  readonly guard: Pick<ArrivalGuard, 'refusalOf' | 'refuse'>
  /** Most bytes of answers that wait for their readers, over all calls whose readers have a time. */
  readonly maxUnreadBytes: number
  readonly logger: Logger
}

/** What bounds the calls of one method. */
export interface CallLimit extends ArrivalLimit {
  /** As in `ServiceImplementation`. */
  readonly readTimeoutMs: number | undefined
}

/** Answers the calls that grpc-js takes, and knows those that are in progress. */
export interface CallAnswers {
  /** For a method with one request and one answer. */
  unary(method: DescMethod, limit: CallLimit, invoke: InvokeUnary): handleUnaryCall<Buffer, Buffer>
  /** For a method with a stream of requests or answers. */
  streams(method: DescMethod, limit: CallLimit, invoke: Invoke): handleBidiStreamingCall<Buffer, Buffer>
  /**
   * Tells interceptors and log of a call for `unary` that ended before its request was complete, of which grpc-js tells
   * nobody; calls of other methods are with `streams` by then, which does so itself.
   */
  noteRefused(call: RefusedCall): void
  /** Calls in progress. */
  size(): number
  /** Ends the calls in progress with an error. */
  abortAll(reason: PelletlineError): void
}

/** What the calls of grpc-js have in common. */
interface RawCall {
  readonly metadata: Metadata
  readonly cancelled: boolean
  getPeer(): string
  getDeadline(): Date | number
  on(event: 'cancelled', listener: () => void): unknown
}

/** One call in progress. */
interface AnsweredCall {
  readonly context: CallContext
  /** Aborts the signal of the context, unless the call is over. */
  abort(reason: PelletlineError): void
  /** To be called when the call has been answered. */
  end(): void
}

/** Answers with less than the stream that carries them costs are not counted, so that a short call need not pay. */
const leastCountedBytes = 16 * 1024

// Only streams wait: one request is complete with its message, and every unary call would pay.
const endGraceMs = 20

/** Creates the answers of one server. */
export function createCallAnswers({ guard, maxUnreadBytes, logger }: CallAnswersOptions): CallAnswers {
  const writer = createAnswerWriter({ maxBytes: maxUnreadBytes })
  const calls = new Set<AnsweredCall>()
  const unaryMethods = new Map<string, { readonly method: DescMethod; readonly invoke: InvokeUnary }>()

  function begin(method: DescMethod, call: RawCall, onAbort?: (reason: PelletlineError) => void): AnsweredCall {
    const controller = new AbortController()
    const peer = call.getPeer()
    const deadline = Number(call.getDeadline())
    const timeLeftMs = Number.isFinite(deadline) ? () => Math.max(0, deadline - Date.now()) : undefined
    const readMetadata = once(() => textsOf(call.metadata))
    const context: CallContext = {
      signal: controller.signal,
      get metadata() {
        return readMetadata()
      },
      peer,
      ...(timeLeftMs && { timeLeftMs }),
    }
    // grpc-js tells of every call that it is cancelled, of an answered one as well.
    let isAnswered = false
    const answered: AnsweredCall = {
      context,
      abort(reason) {
        if (isAnswered || controller.signal.aborted) return
        controller.abort(reason)
        onAbort?.(reason)
      },
      end() {
        isAnswered = true
        calls.delete(answered)
      },
    }
    call.on('cancelled', () => {
      if (!isAnswered) answered.abort(guard.refusalOf(call.metadata) ?? cancelReason(method, deadline))
    })
    calls.add(answered)
    return answered
  }

  /** Ends a call by the guard, since a status of ours would wait behind the answer that nobody reads. */
  const endUnread =
    ({ metadata }: Pick<RawCall, 'metadata'>) =>
    (reason: PelletlineError) =>
      guard.refuse(metadata, reason)

  /** Tells the log of a call that failed. */
  function noteFailure(method: DescMethod, peer: string, error: PelletlineError): void {
    const fields = { method: methodName(method), code: error.code, peer }
    if (error.code === 'internal' || error.code === 'data_loss') {
      logger.error({ ...fields, err: error.cause ?? error }, `call failed: ${error.message}`)
    } else logger.debug(fields, `call failed: ${error.message}`)
  }

  /**
   * Tells the log and the caller of a call that failed. Never throws, since whoever answers a call has nobody to tell: where
   * the status cannot be made or sent, the log has why, and the caller gets a bare one.
   */
  function fail(method: DescMethod, peer: string, reason: unknown, send: (failed: FailedStatus) => void): void {
    try {
      const error = PelletlineError.from(reason)
      noteFailure(method, peer, error)
      send(toStatus(error))
    } catch (err) {
      logger.error({ method: methodName(method), peer, err }, 'the status of a failed call cannot be sent')
      try {
        send(bareStatus(method))
      } catch {
        // The call ends with its deadline or its connection.
      }
    }
  }

  return {
    unary(method, limit, invoke) {
      unaryMethods.set(limit.name, { method, invoke })
      return async (call, respond) => {
        const { promise: aborted, reject } = Promise.withResolvers<never>()
        const answered = begin(method, call, reject)
        const { context } = answered
        // What becomes of the answer where the call was aborted is nobody's news, and so is an abort that comes late.
        aborted.catch(() => {})
        const decoded = once(() => decodeRequest(method, limit, call.request))
        const lazyCall: UnaryCall = {
          method,
          context,
          get request() {
            return decoded()
          },
        }
        const answer = async () => asBuffer(toBinary(method.output, await invoke(lazyCall)))
        try {
          const message = await Promise.race([answer(), aborted])
          respond(null, message)
          if (message.byteLength >= leastCountedBytes && !call.cancelled) {
            const giveUp = (reason: PelletlineError) => {
              endUnread(call)(reason)
              // To interceptors the call has ended well.
              noteFailure(method, context.peer, reason)
            }
            // grpc-js tells so of an answered call as soon as its status is on its way, which waits for the answer.
            call.on('cancelled', writer.hold(message.byteLength, { ...readerOf(limit), giveUp }))
          }
        } catch (reason) {
          fail(method, context.peer, reason, (failed) => {
            // The call itself may be gone already.
            if (!call.cancelled) respond(failed)
          })
        } finally {
          answered.end()
        }
      }
    },

    streams: (method, limit, invoke) => async (call) => {
      const answered = begin(method, call)
      const { context } = answered
      const { signal } = context
      const messages = readMessages(call, streamsIn(method) ? endGraceMs : 0)
      const requests = decodeRequests(method, limit, abortable(messages, signal))
      const giveUp = (reason: PelletlineError) => {
        endUnread(call)(reason)
        answered.abort(reason)
      }
      try {
        for await (const response of abortable(invoke({ method, requests, context }), signal)) {
          const message = asBuffer(toBinary(method.output, response))
          await writer.write(call, message, { ...readerOf(limit), giveUp }, signal)
        }
        if (!signal.aborted) call.end()
      } catch (reason) {
        fail(method, context.peer, reason, (failed) => {
          // This is how grpc-js takes the status of a stream; the call itself may be gone already.
          if (!call.cancelled) call.emit('error', failed)
        })
      } finally {
        answered.end()
      }
    },

    noteRefused({ name, metadata, peer, error }) {
      const refused = unaryMethods.get(name)
      if (refused === undefined) return
      const { method, invoke } = refused
      const refusedCall: UnaryCall = {
        method,
        context: { signal: AbortSignal.abort(error), metadata: textsOf(metadata), peer },
        get request(): Message {
          throw error
        },
      }
      // The caller has its status already.
      const tell = async () => invoke(refusedCall)
      tell().catch(() => {})
      // Never more than that: whatever it is, the caller has made it so.
      logger.debug({ method: name, code: error.code, peer }, `call failed: ${error.message}`)
    },

    size: () => calls.size,
    abortAll(reason) {
      for (const call of calls) call.abort(reason)
    },
  }
}

function readerOf({ name, readTimeoutMs }: CallLimit) {
  return { name, readTimeoutMs }
}

function bareStatus(method: DescMethod): FailedStatus {
  const details = `${methodName(method)} failed, and so did its status; the log of the service has the details.`
  return { code: status.INTERNAL, details, metadata: new Metadata() }
}

/** Few handlers read the metadata of their call. */
function once<T>(read: () => T): () => T {
  let known: T | undefined
  return () => {
    known ??= read()
    return known
  }
}

function textsOf(metadata: Metadata): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata.getMap())
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function decodeRequest(method: DescMethod, limit: ArrivalLimit, buffer: Buffer): Message {
  // It came within the limit, and was packed.
  if (buffer.byteLength > limit.maxMessageBytes) throw tooLargeError(limit, buffer.byteLength)
  limitRecords(method.input, buffer)
  try {
    return fromBinary(method.input, buffer)
  } catch (cause) {
    const text = `A request of ${methodName(method)} (${buffer.byteLength} bytes) is no ${method.input.typeName}; compare the versions of the proto files.`
    throw new PelletlineError('invalid_argument', text, { cause })
  }
}

async function* decodeRequests(
  method: DescMethod,
  limit: ArrivalLimit,
  buffers: AsyncIterable<Buffer>,
): AsyncGenerator<Message> {
  for await (const buffer of buffers) yield decodeRequest(method, limit, buffer)
}

function cancelReason(method: DescMethod, deadline: number): PelletlineError {
  return deadline <= Date.now()
    ? new PelletlineError('deadline_exceeded', `The deadline of ${methodName(method)} has passed.`)
    : new PelletlineError('cancelled', `The caller of ${methodName(method)} has gone.`)
}
