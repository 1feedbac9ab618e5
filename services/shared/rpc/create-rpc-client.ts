import { type DescService, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { abortable } from './abortable-iterable.ts'
import { type CallLifetime, startCall } from './call-lifetime.ts'
import { channelOptions, defaultMaxMessageBytes } from './channel-options.ts'
import { ConnectionFailure } from './connection-failure.ts'
import { fromStatus } from './error-status.ts'
import { methodName } from './invoke-handler.ts'
import { asBuffer, readMessages, writeMessage } from './message-stream.ts'
import { traceClientCalls, traceUnaryClientCalls } from './trace-calls.ts'
import { createTypedClient, type Transport, type UnaryTransport } from './typed-client.ts'
import type { CallOptions, ServiceClient } from './types.ts'

export interface RpcClientOptions {
  /** `HOST:PORT` or `unix:PATH`. */
  readonly address: string
  /** Largest message taken or sent; default 4 MiB. */
  readonly maxMessageBytes?: number
  /** Carries the trace of the span in which a call is made; calls carry none where absent. */
  readonly telemetry?: Telemetry
}

type RawStream = ClientDuplexStream<Buffer, Buffer>

const asIs = (bytes: Buffer) => bytes

function toMetadata(options: CallOptions): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(options.metadata ?? {})) {
    try {
      metadata.set(name, value)
    } catch (cause) {
      const text = `Metadata ${JSON.stringify(name)} cannot be sent; names are of a-z 0-9 _ . - and values of printable ASCII.`
      throw new PelletlineError('invalid_argument', text, { cause })
    }
  }
  return metadata
}

function deadlineOf({ timeoutMs }: CallOptions) {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
}

/** What grpc-js says of a message beyond the bound of either side, without a next step. */
const largeMessage = /message.*larger than/i

/** Restores the error of a call; one of the connection names the address and what to look at. */
function restoreError(reason: unknown, what: string, address: string): PelletlineError {
  if (reason instanceof PelletlineError) return reason
  const error = reason as ServiceError
  if (typeof error?.code !== 'number') return PelletlineError.from(reason)
  const restored = fromStatus(error, what)
  if (error.code === status.RESOURCE_EXHAUSTED && largeMessage.test(error.details)) {
    const text = `${restored.message}. Ask for less in one message, or raise maxMessageBytes on both sides.`
    return new PelletlineError('resource_exhausted', text, { retryable: false, cause: reason })
  }
  if (error.code !== status.UNAVAILABLE || !restored.message.startsWith(`${what} failed`)) return restored
  const text = `${what} cannot reach ${address}: ${error.details} Check that the service runs and that the address is right.`
  return new PelletlineError('unavailable', text, { cause: new ConnectionFailure(error.details, { cause: reason }) })
}

/** Sends requests as fast as flow control lets them through, until they end or the call does. */
async function sendRequests(stream: RawStream, encoded: AsyncIterable<Buffer>, ended: AbortSignal): Promise<void> {
  for await (const buffer of abortable(encoded, ended)) await writeMessage(stream, buffer, ended)
  if (!ended.aborted) stream.end()
}

/**
 * A client over gRPC. The connection is made with the first call and again after it is lost; a call fails with
 * `unavailable` while the server cannot be reached. Calls of streaming methods begin when their responses are first
 * asked for, and leaving the responses early cancels the call.
 */
export function createRpcClient<S extends DescService>(
  service: S,
  options: RpcClientOptions,
): ServiceClient<S> & { close(): void } {
  const { address } = options
  const client = new Client(address, credentials.createInsecure(), {
    ...channelOptions(options.maxMessageBytes ?? defaultMaxMessageBytes),
    // Without a retry policy the copies kept for retries would only let a writer run ahead of its reader.
    'grpc.enable_retries': 0,
  })
  let closed = false

  const requireOpen = ({ signal }: CallLifetime) => {
    if (closed)
      throw new PelletlineError('failed_precondition', `The client of ${address} is closed; create a new one.`)
    if (signal.aborted) throw signal.reason
  }

  const open = (path: string, lifetime: CallLifetime, callOptions: CallOptions): RawStream => {
    requireOpen(lifetime)
    return client.makeBidiStreamRequest(path, asIs, asIs, toMetadata(callOptions), deadlineOf(callOptions))
  }

  /** Resolves with the bytes of the answer; rejects with what grpc-js says, or why the call was ended here. */
  const ask = (path: string, request: Buffer, lifetime: CallLifetime, callOptions: CallOptions): Promise<Buffer> => {
    requireOpen(lifetime)
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const done = (error: ServiceError | null, answer?: Buffer) => {
      if (error === null) resolve(answer!)
      else reject(error)
    }
    const metadata = toMetadata(callOptions)
    const call = client.makeUnaryRequest(path, asIs, asIs, request, metadata, deadlineOf(callOptions), done)
    const { signal } = lifetime
    const onAbort = () => {
      reject(signal.reason)
      call.cancel()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return promise
  }

  // A stream of Node each way costs more than all the rest of a short call.
  const unary: UnaryTransport = async (method, request, callOptions) => {
    const what = methodName(method)
    const lifetime = startCall(what, callOptions)
    try {
      const answer = await ask(`/${what}`, asBuffer(toBinary(method.input, request)), lifetime, callOptions)
      return fromBinary(method.output, answer) as Message
    } catch (reason) {
      throw restoreError(reason, what, address)
    } finally {
      lifetime.release()
    }
  }

  const transport: Transport = async function* (method, requests, callOptions) {
    const what = methodName(method)
    const lifetime = startCall(what, callOptions)
    const ended = new AbortController()
    let stream: RawStream | undefined
    let senderError: PelletlineError | undefined
    let finished = false
    const encoded = async function* (): AsyncGenerator<Buffer> {
      for await (const request of requests) yield asBuffer(toBinary(method.input, request))
    }
    try {
      stream = open(`/${what}`, lifetime, callOptions)
      const responses = readMessages(stream)
      sendRequests(stream, encoded(), ended.signal).catch((reason) => {
        if (ended.signal.aborted) return
        senderError = PelletlineError.from(reason)
        lifetime.cancel(senderError)
      })
      for await (const buffer of abortable(responses, lifetime.signal)) {
        yield fromBinary(method.output, buffer) as Message
      }
      finished = true
    } catch (reason) {
      throw senderError ?? restoreError(reason, what, address)
    } finally {
      ended.abort()
      if (!finished) stream?.cancel()
      lifetime.release()
    }
  }

  const { telemetry } = options
  const typed =
    telemetry === undefined
      ? createTypedClient(service, transport, unary)
      : createTypedClient(
          service,
          traceClientCalls(transport, { telemetry }),
          traceUnaryClientCalls(unary, { telemetry }),
        )
  return Object.assign(typed, {
    close() {
      closed = true
      client.close()
    },
  })
}
