import { create, type DescMethod, type DescService, type Message, type MessageInitShape } from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { methodName, streamsIn, streamsOut } from './invoke-handler.ts'
import type { CallOptions, ServiceClient } from './types.ts'

/** Carries a call in its general form: completed request messages out, response messages in. */
export type Transport = (
  method: DescMethod,
  requests: AsyncIterable<Message>,
  options: CallOptions,
) => AsyncIterable<Message>

/** Carries a call with one request and one answer, where that costs less than its general form. */
export type UnaryTransport = (method: DescMethod, request: Message, options: CallOptions) => Promise<Message>

async function* one(message: Message): AsyncGenerator<Message> {
  yield message
}

async function* completed(method: DescMethod, inits: AsyncIterable<unknown>): AsyncGenerator<Message> {
  for await (const init of inits) yield create(method.input, init as MessageInitShape<DescMethod['input']>)
}

async function takeResponse(method: DescMethod, responses: AsyncIterable<Message>): Promise<Message> {
  let response: Message | undefined
  for await (const message of responses) response = message
  if (response === undefined) {
    throw new PelletlineError(
      'internal',
      `${methodName(method)} ended without a response; report it with the service's log.`,
    )
  }
  return response
}

/** Gives a transport the typed methods of a service; `unary` carries those with one request and one answer, where it is given. */
export function createTypedClient<S extends DescService>(
  service: S,
  transport: Transport,
  unary?: UnaryTransport,
): ServiceClient<S> {
  const client: Record<string, unknown> = {}
  for (const method of service.methods) {
    const call = (input: unknown, options: CallOptions) => {
      const requests = streamsIn(method)
        ? completed(method, input as AsyncIterable<unknown>)
        : one(create(method.input, input as MessageInitShape<DescMethod['input']>))
      return transport(method, requests, options)
    }
    if (unary !== undefined && method.methodKind === 'unary') {
      client[method.localName] = async (input: unknown, options: CallOptions = {}) =>
        unary(method, create(method.input, input as MessageInitShape<DescMethod['input']>), options)
      continue
    }
    client[method.localName] = streamsOut(method)
      ? (input: unknown, options: CallOptions = {}) => call(input, options)
      : async (input: unknown, options: CallOptions = {}) => takeResponse(method, call(input, options))
  }
  return client as ServiceClient<S>
}
