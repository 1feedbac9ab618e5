import type { DescMethod, Message } from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../service/clock.ts'
import { currentSpan, iterateWithSpan, withSpan } from '../telemetry/current-span.ts'
import { attributes, metrics } from '../telemetry/names.ts'
import {
  formatTraceparent,
  isTraceSampled,
  parseTraceparent,
  randomSpanId,
  randomTraceId,
  type SpanContext,
} from '../telemetry/span-context.ts'
import { childOf, type SpanKind, type Telemetry } from '../telemetry/telemetry.ts'
import {
  type Call,
  type Interceptor,
  type Invoke,
  type InvokeUnary,
  methodName,
  streamsOut,
  type UnaryCall,
} from './invoke-handler.ts'
import type { Transport, UnaryTransport } from './typed-client.ts'
import type { CallContext, CallOptions } from './types.ts'

/** Name of the W3C trace context in metadata. */
const traceparentName = 'traceparent'

export interface TraceCallsOptions {
  readonly telemetry: Telemetry
  readonly clock?: Pick<Clock, 'nowNs'>
}

/**
 * Around every call that a server answers: a span that goes on with the caller's trace, or begins one, in which the handler
 * runs; and the time of calls that have one answer. A stream lasts as long as its peers want, so its time says nothing.
 */
export function traceServerCalls({ telemetry, clock = systemClock }: TraceCallsOptions): Interceptor {
  const seconds = telemetry.histogram(metrics.rpcServerSeconds)

  /** Begins the span of a call; `end` is told how the call went. */
  function begin(method: DescMethod, metadata: CallContext['metadata']) {
    const parent = parseTraceparent(metadata[traceparentName])
    const name = methodName(method)
    const context = parent === undefined ? beginTrace(telemetry.stripShare) : childOf(parent, name)
    const startNs = clock.nowNs()
    const end = (code: string) => {
      const endNs = clock.nowNs()
      if (!streamsOut(method)) {
        seconds.record(Number(endNs - startNs) / 1e9, { rpc_method: name, rpc_code: code }, context)
      }
      write(telemetry, { kind: 'server', method, context, parent, startNs, endNs, code })
    }
    return { context, end }
  }

  async function* traced(call: Call, next: Invoke): AsyncGenerator<Message> {
    const { context, end } = begin(call.method, call.context.metadata)
    let code = 'OK'
    try {
      yield* iterateWithSpan({ context }, next(call))
    } catch (reason) {
      code = codeOf(reason)
      throw reason
    } finally {
      end(code)
    }
  }

  async function unary(call: UnaryCall, next: InvokeUnary): Promise<Message> {
    const { context, end } = begin(call.method, call.context.metadata)
    let code = 'OK'
    try {
      return await withSpan({ context }, () => next(call))
    } catch (reason) {
      code = codeOf(reason)
      throw reason
    } finally {
      end(code)
    }
  }

  return Object.assign(traced, { unary })
}

/** Begins the span of a call that is made within one; undefined outside any. */
function beginClientCall(
  method: DescMethod,
  options: CallOptions,
  { telemetry, clock = systemClock }: TraceCallsOptions,
) {
  const parent = currentSpan()?.context
  if (parent === undefined) return undefined
  const context = childOf(parent, methodName(method))
  const metadata = { ...options.metadata, [traceparentName]: formatTraceparent(context) }
  const startNs = clock.nowNs()
  const end = (code: string) =>
    write(telemetry, { kind: 'client', method, context, parent, startNs, endNs: clock.nowNs(), code })
  return { options: { ...options, metadata }, end }
}

/** A transport whose calls carry the trace of the span in which they are made, each as a span of its own. */
export function traceClientCalls(transport: Transport, tracing: TraceCallsOptions): Transport {
  return async function* traced(method, requests, options): AsyncGenerator<Message> {
    const span = beginClientCall(method, options, tracing)
    if (span === undefined) {
      yield* transport(method, requests, options)
      return
    }
    let code = 'OK'
    try {
      yield* transport(method, requests, span.options)
    } catch (reason) {
      code = codeOf(reason)
      throw reason
    } finally {
      span.end(code)
    }
  }
}

/** The same for calls with one request and one answer. */
export function traceUnaryClientCalls(transport: UnaryTransport, tracing: TraceCallsOptions): UnaryTransport {
  return async (method, request, options) => {
    const span = beginClientCall(method, options, tracing)
    if (span === undefined) return transport(method, request, options)
    let code = 'OK'
    try {
      return await transport(method, request, span.options)
    } catch (reason) {
      code = codeOf(reason)
      throw reason
    } finally {
      span.end(code)
    }
  }
}

function beginTrace(share: number): SpanContext {
  const traceId = randomTraceId()
  return { traceId, spanId: randomSpanId(), sampled: isTraceSampled(traceId, share) }
}

function codeOf(reason: unknown): string {
  return PelletlineError.from(reason).code.toUpperCase()
}

interface CallSpan {
  readonly kind: SpanKind
  readonly method: DescMethod
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  readonly startNs: bigint
  readonly endNs: bigint
  readonly code: string
}

function write(telemetry: Telemetry, { kind, method, context, parent, startNs, endNs, code }: CallSpan): void {
  if (!telemetry.tracing || !context.sampled) return
  telemetry.writeSpan({
    name: methodName(method),
    kind,
    context,
    parentSpanId: parent?.spanId,
    startNs,
    endNs,
    attributes: {
      [attributes.rpcSystem]: 'grpc',
      [attributes.rpcService]: method.parent.typeName,
      [attributes.rpcMethod]: methodName(method),
      [attributes.rpcStatus]: code,
      ...(code === 'OK' ? {} : { [attributes.errorType]: code }),
    },
    // A caller that leaves is no error of the server.
    error: code === 'OK' || (kind === 'server' && code === 'CANCELLED') ? undefined : code,
  })
}
