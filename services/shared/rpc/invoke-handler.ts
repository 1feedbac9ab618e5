import { create, type DescMethod, type Message, type MessageInitShape } from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { CallContext, ServiceImplementation } from './types.ts'
import { validateMessage } from './validate-message.ts'

/** A call in its general form: requests in, responses out, whatever the method's kind. */
export interface Call {
  readonly method: DescMethod
  readonly requests: AsyncIterable<Message>
  readonly context: CallContext
}

/** Answers a call. */
export type Invoke = (call: Call) => AsyncIterable<Message>

/** A call with one request and one answer. */
export interface UnaryCall {
  readonly method: DescMethod
  /**
   * At a server it is decoded when it is first read, so that what is wrong with its bytes is thrown within the interceptors.
   * It throws as well where it never came as a whole: then the interceptors see the call, and no handler does.
   */
  readonly request: Message
  readonly context: CallContext
}

/** Answers a call with one request and one answer. */
export type InvokeUnary = (call: UnaryCall) => Promise<Message>

/** Cross-cutting work around every call: may change the call, watch or refuse it, and passes it on by `next`. */
export interface Interceptor {
  (call: Call, next: Invoke): AsyncIterable<Message>
  /** The same around a call with one request and one answer, without the cost of streams; the general form is used where it is absent. */
  readonly unary?: (call: UnaryCall, next: InvokeUnary) => Promise<Message>
}

/** `pelletline.mes.v1.LotService/OpenLot`. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`
}

/** Whether the caller sends a stream. */
export function streamsIn(method: DescMethod): boolean {
  return method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming'
}

/** Whether the answer is a stream. */
export function streamsOut(method: DescMethod): boolean {
  return method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming'
}

async function* validated(method: DescMethod, requests: AsyncIterable<Message>): AsyncGenerator<Message> {
  for await (const request of requests) {
    validateMessage(method.input, request)
    yield request
  }
}

async function takeOnly(method: DescMethod, requests: AsyncIterable<Message>): Promise<Message> {
  let only: Message | undefined
  for await (const request of requests) {
    if (only !== undefined) {
      throw new PelletlineError('invalid_argument', `${methodName(method)} takes one request and got more; send one.`)
    }
    only = request
  }
  if (only === undefined) {
    throw new PelletlineError('invalid_argument', `${methodName(method)} takes one request and got none; send one.`)
  }
  return only
}

function describeUnknown(method: DescMethod, reason: unknown): PelletlineError {
  if (reason instanceof PelletlineError) return reason
  const text = (reason instanceof Error ? reason.message : String(reason))
    .split('\n', 1)[0]
    ?.slice(0, 200)
    .toWellFormed()
  return PelletlineError.from(
    new Error(`${methodName(method)} failed: ${text}. The log of the service has the details.`, { cause: reason }),
  )
}

type AnyHandler = (
  input: unknown,
  context: CallContext,
) => Promise<MessageInitShape<DescMethod['output']>> | AsyncIterable<MessageInitShape<DescMethod['output']>>

async function* runHandler(handler: AnyHandler, call: Call): AsyncGenerator<Message> {
  const { method, requests, context } = call
  try {
    const valid = validated(method, requests)
    const output = handler(streamsIn(method) ? valid : await takeOnly(method, valid), context)
    if (!streamsOut(method)) {
      yield create(method.output, await (output as Promise<MessageInitShape<DescMethod['output']>>))
    } else {
      for await (const response of output as AsyncIterable<MessageInitShape<DescMethod['output']>>) {
        yield create(method.output, response)
      }
    }
  } catch (reason) {
    throw describeFailure(method, context, reason)
  }
}

async function runUnary(handler: AnyHandler, call: UnaryCall): Promise<Message> {
  const { method, context } = call
  try {
    const { request } = call
    validateMessage(method.input, request)
    return create(method.output, await (handler(request, context) as Promise<MessageInitShape<DescMethod['output']>>))
  } catch (reason) {
    throw describeFailure(method, context, reason)
  }
}

function describeFailure(method: DescMethod, { signal }: CallContext, reason: unknown): PelletlineError {
  // What a handler throws because its call has ended says less than why it has ended.
  return signal.aborted ? PelletlineError.from(signal.reason, 'cancelled') : describeUnknown(method, reason)
}

function findHandler({ handlers }: ServiceImplementation, method: DescMethod): AnyHandler {
  const handler = (handlers as Readonly<Record<string, AnyHandler | undefined>>)[method.localName]
  if (handler === undefined) {
    throw new PelletlineError('unimplemented', `${methodName(method)} is not offered by this service.`)
  }
  return handler.bind(handlers)
}

async function* requestOf(call: UnaryCall): AsyncGenerator<Message> {
  yield call.request
}

/** Puts the general form of an interceptor around a call with one request and one answer. */
function interceptUnary(interceptor: Interceptor, next: InvokeUnary): InvokeUnary {
  if (interceptor.unary !== undefined) return (call) => interceptor.unary!(call, next)
  return async (call) => {
    const { method, context } = call
    const inner = async function* ({ requests, ...passed }: Call) {
      yield await next({ ...passed, request: await takeOnly(method, requests) })
    }
    let answer: Message | undefined
    for await (const message of interceptor({ method, requests: requestOf(call), context }, inner)) answer = message
    if (answer !== undefined) return answer
    throw new PelletlineError('internal', `${methodName(method)} ended without a response; see the service's log.`)
  }
}

/**
 * Builds the function that answers the calls of one service: interceptors in their order (the first is outermost), then
 * validation of every request, then the handler. All failures are PelletlineErrors; what is none becomes `internal`
 * with the first line of its message.
 */
export function createInvoke(implementation: ServiceImplementation, interceptors: readonly Interceptor[] = []): Invoke {
  const innermost: Invoke = (call) => runHandler(findHandler(implementation, call.method), call)
  return interceptors.reduceRight<Invoke>((next, interceptor) => (call) => interceptor(call, next), innermost)
}

/** The same for the calls with one request and one answer. */
export function createInvokeUnary(
  implementation: ServiceImplementation,
  interceptors: readonly Interceptor[] = [],
): InvokeUnary {
  const innermost: InvokeUnary = async (call) => runUnary(findHandler(implementation, call.method), call)
  return interceptors.reduceRight((next, interceptor) => interceptUnary(interceptor, next), innermost)
}
