import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { validateMessage } from '../rpc/validate-message.ts'
import type { Bus, IncomingMessage, Subscription } from './bus.ts'
import { headerNames, type Topic } from './topics.ts'

export interface MessageToPublish<Desc extends DescMessage> {
  /** `line/camera/strip`, see `stripMessageKey`. */
  readonly key: string
  readonly message: MessageInitShape<Desc>
  /**
   * Where the message belongs, by the names in `headerNames`; those of the message from which it was made may be given. Plant,
   * line, lot and trace are taken and the message type is added; what befell the other message does not befall this one.
   */
  readonly headers?: Readonly<Record<string, string>>
}

const inheritedHeaders = [headerNames.plant, headerNames.line, headerNames.lot, headerNames.traceparent]

/**
 * Validates, encodes and publishes one message; resolves once it is durable. Throws `invalid_argument` where the message
 * breaks a rule of its proto, and what `Bus.publish` throws.
 */
export async function publishMessage<Desc extends DescMessage>(
  bus: Bus,
  topic: Topic<Desc>,
  { key, message, headers = {} }: MessageToPublish<Desc>,
  signal?: AbortSignal,
): Promise<void> {
  const complete = create(topic.schema, message)
  validateMessage(topic.schema, complete)
  const value = toBinary(topic.schema, complete)
  const own: Record<string, string> = { [headerNames.messageType]: topic.schema.typeName }
  for (const name of inheritedHeaders) {
    const text = headers[name]
    if (text !== undefined) own[name] = text
  }
  await bus.publish(topic.name, [{ key, value, headers: own }], signal)
}

export interface ConsumeOptions<Desc extends DescMessage> {
  readonly topic: Topic<Desc>
  readonly group: string
  readonly maxInFlight: number
  /** As `SubscribeOptions.handle`, with the message decoded and valid. */
  readonly handle: (message: MessageShape<Desc>, incoming: IncomingMessage, signal: AbortSignal) => Promise<void>
}

function decode<Desc extends DescMessage>(topic: Topic<Desc>, incoming: IncomingMessage): MessageShape<Desc> {
  const { typeName } = topic.schema
  const where = `Message ${incoming.offset} of ${incoming.topic}`
  const declared = incoming.headers[headerNames.messageType]
  if (declared !== undefined && declared !== typeName) {
    throw new PelletlineError('invalid_argument', `${where} is a ${declared}; the topic carries ${typeName}.`)
  }
  let message: MessageShape<Desc>
  try {
    message = fromBinary(topic.schema, incoming.value)
  } catch (cause) {
    const text = `${where} (${incoming.value.byteLength} bytes) cannot be read as ${typeName}; look at its producer.`
    throw new PelletlineError('invalid_argument', text, { cause })
  }
  validateMessage(topic.schema, message)
  return message
}

/**
 * Subscribes with decoding and validation: what cannot be read or breaks a rule goes to the dead letters with the reason,
 * and the handler never sees it.
 */
export function consumeTopic<Desc extends DescMessage>(bus: Bus, options: ConsumeOptions<Desc>): Promise<Subscription> {
  const { topic, group, maxInFlight, handle } = options
  return bus.subscribe({
    topic: topic.name,
    group,
    maxInFlight,
    handle: async (incoming, signal) => handle(decode(topic, incoming), incoming, signal),
  })
}
