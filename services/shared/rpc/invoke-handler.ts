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

/** Cross-cutting work around every call: may change the call, watch or refuse it, and passes it on by `next`. */
export type Interceptor = (call: Call, next: Invoke) => AsyncIterable<Message>

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
  const text = (reason instanceof Error ? reason.message : String(reason)).split('\n', 1)[0]?.slice(0, 200)
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
    // What a handler throws because its call has ended says less than why it has ended.
    if (context.signal.aborted) throw PelletlineError.from(context.signal.reason, 'cancelled')
    throw describeUnknown(method, reason)
  }
}

/**
 * Builds the function that answers the calls of one service: interceptors in their order (the first is outermost), then
 * validation of every request, then the handler. All failures are PelletlineErrors; what is none becomes `internal`
 * with the first line of its message.
 */
export function createInvoke(implementation: ServiceImplementation, interceptors: readonly Interceptor[] = []): Invoke {
  const handlers = implementation.handlers as Readonly<Record<string, AnyHandler | undefined>>
  const innermost: Invoke = (call) => {
    const handler = handlers[call.method.localName]
    if (handler === undefined) {
      throw new PelletlineError('unimplemented', `${methodName(call.method)} is not offered by this service.`)
    }
    return runHandler(handler.bind(handlers), call)
  }
  return interceptors.reduceRight<Invoke>((next, interceptor) => (call) => interceptor(call, next), innermost)
}
