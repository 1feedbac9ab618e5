import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type CallLimit, createCallAnswers } from './answer-calls.ts'
import { channelOptions, defaultMaxMessageBytes } from './channel-options.ts'
import { createArrivalGuard } from './guard-arrivals.ts'
import { createHealthService } from './health-service.ts'
import { createInvoke, createInvokeUnary, type Interceptor, methodName, streamsIn } from './invoke-handler.ts'
import {
  boundAddress,
  defaultListen,
  describeBindFailure,
  parseListenAddress,
  removeStaleSocket,
} from './listen-address.ts'
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
  /**
   * Bytes of answers that wait for their readers, over all calls of the implementations that give readers a time
   * (`readTimeoutMs`); default as `maxBytesInHand`. Beyond it the call whose answer has waited longest ends with RESOURCE_EXHAUSTED.
   */
  readonly maxUnreadBytes?: number
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

const defaultMaxConnections = 512
const defaultArrivalTimeoutMs = 30_000
const messagesInHand = 8
const leastBytesInHand = 64 * 1024 * 1024
const abortGraceMs = 500
/** When a caller may look for a server again that shuts down, ms. */
const comeBackAfterMs = 1000

/**
 * What bounds the calls of the methods, by their paths; an implementation may allow less than its server, and one that is pending
 * says so late.
 */
function limitCalls(
  implementations: readonly ServiceImplementation[],
  serverMaxBytes: number,
): ReadonlyMap<string, CallLimit> {
  return new Map(
    implementations.flatMap((implementation) =>
      implementation.service.methods.map((method): [string, CallLimit] => {
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
          get readTimeoutMs() {
            return implementation.readTimeoutMs
          },
        }
        return [`/${name}`, limit]
      }),
    ),
  )
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
  const maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes
  const limits = limitCalls([...implementations, ...builtIn], maxMessageBytes)
  const maxBytesInHand = options.maxBytesInHand ?? Math.max(leastBytesInHand, messagesInHand * maxMessageBytes)
  const guard = createArrivalGuard({
    limits,
    maxUnpackedBytes: maxMessageBytes,
    maxBytesInHand,
    timeoutMs: options.arrivalTimeoutMs ?? defaultArrivalTimeoutMs,
    maxConnections: options.maxConnections ?? defaultMaxConnections,
    onRefused: (call) => answers.noteRefused(call),
    logger,
  })

  const answers = createCallAnswers({ guard, maxUnreadBytes: options.maxUnreadBytes ?? maxBytesInHand, logger })

  // Every failure reaches a caller as an error; grpc-js need not write it to the console as well.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    ...channelOptions(maxMessageBytes),
    interceptors: [guard.interceptor],
    'grpc.max_concurrent_streams': options.maxConcurrentCalls ?? 256,
  })
  const register = (implementation: ServiceImplementation, interceptors: readonly Interceptor[]) => {
    const invoke = createInvoke(implementation, interceptors)
    const invokeUnary = createInvokeUnary(implementation, interceptors)
    const definition: Record<string, ServiceDefinition[string]> = {}
    const handlers: Record<string, UntypedHandleCall> = {}
    for (const method of implementation.service.methods) {
      const path = `/${methodName(method)}`
      const limit = limits.get(path)!
      const streams = method.methodKind !== 'unary'
      // Messages stay bytes, so that bad ones are answered like any other bad input. Whatever has a stream is a stream each way on
      // the wire; the others are not, since a stream of Node costs more than all that a short call does.
      definition[method.name] = {
        path,
        requestStream: streams,
        responseStream: streams,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      }
      handlers[method.name] = streams
        ? answers.streams(method, limit, invoke)
        : answers.unary(method, limit, invokeUnary)
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
    logger.warn({ address, calls: answers.size() }, `calls still in progress after ${timeoutMs} ms are aborted`)
    const reason = new PelletlineError(
      'unavailable',
      `The server at ${address} shuts down; call again when it is back.`,
      { retryAfterMs: comeBackAfterMs },
    )
    answers.abortAll(reason)
    guard.refuseUnfinished(reason)
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
