import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  setLogVerbosity,
} from '@grpc/grpc-js'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { abortable } from './abortable-iterable.ts'
import { channelOptions, defaultMaxMessageBytes } from './channel-options.ts'
import { toStatus } from './error-status.ts'
import { type ArrivalLimit, createArrivalGuard, tooLargeError } from './guard-arrivals.ts'
import { createHealthService } from './health-service.ts'
import { createInvoke, type Interceptor, type Invoke, methodName, streamsIn } from './invoke-handler.ts'
import { limitRecords } from './limit-records.ts'
import {
  boundAddress,
  defaultListen,
  describeBindFailure,
  parseListenAddress,
  removeStaleSocket,
} from './listen-address.ts'
import { asBuffer, readMessages, writeMessage } from './message-stream.ts'
import { createReflectionServices } from './reflection-service.ts'
import { traceServerCalls } from './trace-calls.ts'
import type { ServiceImplementation } from './types.ts'

export interface RpcServerOptions {
  /** `HOST:PORT`, `:PORT` (loopback) or `unix:PATH`; default a free port of the loopback address. */
  readonly listen?: string
  readonly implementations: readonly ServiceImplementation[]
  /** Largest message taken; default 4 MiB. A larger one ends its call with RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes?: number
  /** Calls that one connection may have open at once; default 256. */
  readonly maxConcurrentCalls?: number
  /** Connections to one address; default 512. One more is turned away. */
  readonly maxConnections?: number
  /**
   * How long a request that is no stream may take to arrive, and a message of a stream may stand still once it has begun,
   * ms; default 30 s. What takes longer ends its call with DEADLINE_EXCEEDED.
   */
  readonly arrivalTimeoutMs?: number
  /**
   * Bytes of requests that are not complete, over all connections; default eight of the largest messages, at least 64 MiB.
   * As many again may be what packed messages become that wait to be unpacked. One that goes beyond ends its call with
   * RESOURCE_EXHAUSTED and a wait.
   */
  readonly maxBytesInHand?: number
  readonly logger: Logger
  /** Around every call, the first outermost. */
  readonly interceptors?: readonly Interceptor[]
  /** Spans and times of the calls, outside all interceptors; none where absent. */
  readonly telemetry?: Telemetry
}

/** A server that listens. */
export interface RpcServer {
  /** Where it listens, with the port that was bound. */
  readonly address: string
  /** Health of one service by its full name; the empty name sets the server and all services. At first NOT_SERVING. */
  setServing(serviceName: string, serving: boolean): void
  /**
   * Turns health to NOT_SERVING, takes no new call, waits for the calls in progress at most `timeoutMs`, then aborts the
   * rest with `unavailable`. Calling it again waits for the same drain.
   */
  drain(timeoutMs: number): Promise<void>
}

type RawCall = ServerDuplexStream<Buffer, Buffer>

const defaultMaxConnections = 512
const defaultArrivalTimeoutMs = 30_000
const messagesInHand = 8
const leastBytesInHand = 64 * 1024 * 1024
const abortGraceMs = 500
/** When a caller may look for a server again that shuts down, ms. */
const comeBackAfterMs = 1000
// Only streams wait: one request is complete with its message, and every unary call would pay.
const endGraceMs = 20

function readMetadata(call: RawCall): Readonly<Record<string, string>> {
  const entries = Object.entries(call.metadata.getMap())
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

async function* decodeRequests(
  method: DescMethod,
  limit: ArrivalLimit,
  buffers: AsyncIterable<Buffer>,
): AsyncGenerator<Message> {
  for await (const buffer of buffers) {
    // It came within the limit, and was packed.
    if (buffer.byteLength > limit.maxMessageBytes) throw tooLargeError(limit, buffer.byteLength)
    limitRecords(method.input, buffer)
    let request: Message
    try {
      request = fromBinary(method.input, buffer)
    } catch (cause) {
      const text = `A request of ${methodName(method)} (${buffer.byteLength} bytes) is no ${method.input.typeName}; compare the versions of the proto files.`
      throw new PelletlineError('invalid_argument', text, { cause })
    }
    yield request
  }
}

/**
 * What may arrive at the methods, by their paths; an implementation may allow less than its server, and one that is pending
 * says so late.
 */
function limitArrivals(
  implementations: readonly ServiceImplementation[],
  serverMaxBytes: number,
): ReadonlyMap<string, ArrivalLimit> {
  return new Map(
    implementations.flatMap((implementation) =>
      implementation.service.methods.map((method): [string, ArrivalLimit] => {
        const name = methodName(method)
        const bytes = () => Math.min(implementation.maxMessageBytes ?? serverMaxBytes, serverMaxBytes)
        const limit = {
          name,
          streamsIn: streamsIn(method),
          get maxMessageBytes() {
            return bytes()
          },
          get raisable() {
            return bytes() === serverMaxBytes
          },
        }
        return [`/${name}`, limit]
      }),
    ),
  )
}

function cancelReason(method: DescMethod, call: RawCall): PelletlineError {
  const deadline = Number(call.getDeadline())
  return deadline <= Date.now()
    ? new PelletlineError('deadline_exceeded', `The deadline of ${methodName(method)} has passed.`)
    : new PelletlineError('cancelled', `The caller of ${methodName(method)} has gone.`)
}

/** Starts a gRPC server with health and reflection. Throws `failed_precondition` where the address cannot be bound. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { implementations, logger } = options
  const listen = options.listen ?? defaultListen
  const target = parseListenAddress(listen)
  const names = implementations.map(({ service }) => service.typeName)
  const health = createHealthService(names)
  const reflected = [...implementations.map(({ service }) => service), health.implementation.service]
  const builtIn = [health.implementation, ...createReflectionServices(reflected)]
  const calls = new Set<AbortController>()
  const maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes
  const limits = limitArrivals([...implementations, ...builtIn], maxMessageBytes)
  const guard = createArrivalGuard({
    limits,
    maxUnpackedBytes: maxMessageBytes,
    maxBytesInHand: options.maxBytesInHand ?? Math.max(leastBytesInHand, messagesInHand * maxMessageBytes),
    timeoutMs: options.arrivalTimeoutMs ?? defaultArrivalTimeoutMs,
    maxConnections: options.maxConnections ?? defaultMaxConnections,
    logger,
  })

  const answerCall = async (method: DescMethod, invoke: Invoke, call: RawCall) => {
    const controller = new AbortController()
    const { signal } = controller
    calls.add(controller)
    // grpc-js tells of every call that it is cancelled, of an answered one as well.
    let isAnswered = false
    call.on('cancelled', () => {
      if (!isAnswered) controller.abort(guard.refusalOf(call.metadata) ?? cancelReason(method, call))
    })
    const messages = readMessages(call, streamsIn(method) ? endGraceMs : 0)
    const requests = decodeRequests(method, limits.get(`/${methodName(method)}`)!, abortable(messages, signal))
    const peer = call.getPeer()
    const deadline = Number(call.getDeadline())
    const timeLeftMs = Number.isFinite(deadline) ? () => Math.max(0, deadline - Date.now()) : undefined
    const context = { signal, metadata: readMetadata(call), peer, ...(timeLeftMs && { timeLeftMs }) }
    try {
      for await (const response of abortable(invoke({ method, requests, context }), signal)) {
        await writeMessage(call, asBuffer(toBinary(method.output, response)), signal)
      }
      if (!signal.aborted) call.end()
    } catch (reason) {
      const error = PelletlineError.from(reason)
      const fields = { method: methodName(method), code: error.code, peer }
      if (error.code === 'internal' || error.code === 'data_loss') {
        logger.error({ ...fields, err: error.cause ?? error }, `call failed: ${error.message}`)
      } else logger.debug(fields, `call failed: ${error.message}`)
      // This is how grpc-js takes the status of a stream; the call itself may be gone already.
      if (!call.cancelled) call.emit('error', toStatus(error))
    } finally {
      isAnswered = true
      calls.delete(controller)
    }
  }

  // Every failure reaches a caller as an error; grpc-js need not write it to the console as well.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    ...channelOptions(maxMessageBytes),
    interceptors: [guard.interceptor],
    'grpc.max_concurrent_streams': options.maxConcurrentCalls ?? 256,
  })
  const register = (implementation: ServiceImplementation, interceptors: readonly Interceptor[]) => {
    const invoke = createInvoke(implementation, interceptors)
    const definition: Record<string, ServiceDefinition[string]> = {}
    const handlers: Record<string, (call: RawCall) => void> = {}
    for (const method of implementation.service.methods) {
      // On the wire every call is a stream of messages each way, so one handler serves all four kinds; messages stay
      // bytes, so that bad ones are answered like any other bad input.
      definition[method.name] = {
        path: `/${methodName(method)}`,
        requestStream: true,
        responseStream: true,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      }
      handlers[method.name] = (call) => void answerCall(method, invoke, call)
    }
    server.addService(definition, handlers)
  }
  const { telemetry, interceptors = [] } = options
  const around = telemetry === undefined ? interceptors : [traceServerCalls({ telemetry }), ...interceptors]
  for (const implementation of implementations) register(implementation, around)
  for (const implementation of builtIn) register(implementation, [])

  await removeStaleSocket(target)
  const bind = () =>
    new Promise<number>((resolve, reject) => {
      server.bindAsync(target, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound)
        else reject(describeBindFailure(listen, error))
      })
    })
  const port = await guard.whileBinding(bind).catch((reason) => {
    guard.close()
    server.forceShutdown()
    throw reason
  })
  const address = boundAddress(target, port)
  logger.info({ address, services: names }, 'gRPC server listens')

  const shutDown = async (timeoutMs: number) => {
    health.end()
    const finished = new Promise<boolean>((resolve) => server.tryShutdown(() => resolve(true)))
    const within = (ms: number) =>
      new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), ms)
        void finished.then(() => {
          clearTimeout(timer)
          resolve(true)
        })
      })
    if (await within(timeoutMs)) return
    logger.warn({ address, calls: calls.size }, `calls still in progress after ${timeoutMs} ms are aborted`)
    const reason = new PelletlineError(
      'unavailable',
      `The server at ${address} shuts down; call again when it is back.`,
      { retryAfterMs: comeBackAfterMs },
    )
    for (const controller of calls) controller.abort(reason)
    if (!(await within(abortGraceMs))) server.forceShutdown()
  }
  const shutDownAndClose = (timeoutMs: number) => shutDown(timeoutMs).finally(guard.close)

  let draining: Promise<void> | undefined
  return {
    address,
    setServing: health.setServing,
    drain(timeoutMs) {
      draining ??= shutDownAndClose(timeoutMs)
      return draining
    },
  }
}
