import type { Bus, IncomingMessage, OutgoingMessage, SubscribeOptions } from '../bus/bus.ts'
import { headerNames } from '../bus/topics.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { type Clock, systemClock } from '../service/clock.ts'
import { currentSpan, withoutSpan, withSpan } from './current-span.ts'
import { attributes, metrics, processSpanName, publishSpanName } from './names.ts'
import { formatTraceparent, parseTraceparent, type SpanContext } from './span-context.ts'
import { childOf, noTelemetry, type Telemetry } from './telemetry.ts'

/** `messaging.system` of the bus within the process, which no convention names. */
export const memoryBusSystem = 'pelletline_memory'

/** `messaging.system` of a kind of bus. */
export function messagingSystemOf(kind: 'memory' | 'kafka'): string {
  return kind === 'memory' ? memoryBusSystem : kind
}

export interface TraceBusOptions {
  readonly telemetry: Telemetry
  /** `messaging.system`: `kafka`, or `pelletline_memory` for the bus within the process. */
  readonly system: string
  readonly clock?: Pick<Clock, 'nowNs'>
}

/**
 * The same bus with the W3C trace context in the headers of what is published within a span, a span for each message that is
 * published and for each that is handled, and the lag of its groups as metrics. Span ids are derived from the span that
 * published or that was sent, so that a message that is delivered or sent again writes the same spans. Without telemetry the
 * bus stays as it is.
 */
export function traceBus(bus: Bus, { telemetry, system, clock = systemClock }: TraceBusOptions): Bus {
  if (telemetry === noTelemetry) return bus
  const redeliveries = telemetry.counter(metrics.busRedeliveries)
  const deadLetters = telemetry.counter(metrics.busDeadLetters)
  /** How to let go of the gauges of each group. */
  const gauges = new Map<string, () => void>()
  const watchLag = (topic: string, group: string) => {
    const queue = `${topic}/${group}`
    if (!gauges.has(queue)) gauges.set(queue, watchGroup(bus, telemetry, { topic, group }, queue))
  }

  const publish: Bus['publish'] = async (topic, messages, signal) => {
    const parent = currentSpan()?.context
    if (parent === undefined) return bus.publish(topic, messages, signal)
    const name = publishSpanName(topic)
    const contexts = messages.map((_, i) => childOf(parent, name, `${i}`))
    const stamped = messages.map((message, i) => ({
      ...message,
      headers: { ...message.headers, [headerNames.traceparent]: formatTraceparent(contexts[i] as SpanContext) },
    }))
    const startNs = clock.nowNs()
    let error: string | undefined
    try {
      await bus.publish(topic, stamped, signal)
    } catch (reason) {
      error = PelletlineError.from(reason).code
      throw reason
    } finally {
      if (telemetry.tracing && parent.sampled) {
        const endNs = clock.nowNs()
        for (const [i, message] of messages.entries()) {
          telemetry.writeSpan({
            name,
            kind: 'producer',
            context: contexts[i] as SpanContext,
            parentSpanId: parent.spanId,
            startNs,
            endNs,
            attributes: { ...describe(system, topic, message, 'publish'), ...failure(error) },
            error,
          })
        }
      }
    }
  }

  const handleTraced = async (options: SubscribeOptions, message: IncomingMessage, signal: AbortSignal) => {
    const { topic, group, handle } = options
    if (message.redeliveries > 0) redeliveries.add(1, { topic, group })
    const parent = parseTraceparent(message.headers[headerNames.traceparent])
    const name = processSpanName(topic)
    const context = parent === undefined ? undefined : childOf(parent, name, `${group}/${message.redeliveries}`)
    const startNs = clock.nowNs()
    let error: string | undefined
    try {
      // A bus within the process may deliver in the context of whoever published last.
      if (context === undefined) await withoutSpan(() => handle(message, signal))
      else await withSpan(activeSpan(context, message), () => handle(message, signal))
    } catch (reason) {
      error = PelletlineError.from(reason).code
      throw reason
    } finally {
      if (telemetry.tracing && parent?.sampled === true && context !== undefined) {
        telemetry.writeSpan({
          name,
          kind: 'consumer',
          context,
          parentSpanId: parent.spanId,
          startNs,
          endNs: clock.nowNs(),
          attributes: {
            ...describe(system, topic, message, 'process'),
            [attributes.messagingGroup]: group,
            [attributes.messagingPartition]: `${message.partition}`,
            [attributes.messagingOffset]: Number(message.offset),
            ...(message.redeliveries === 0 ? {} : { [attributes.attempt]: message.redeliveries + 1 }),
            ...failure(error),
          },
          error,
        })
      }
    }
  }

  return {
    publish,
    async subscribe(options) {
      const subscription = await bus.subscribe({
        ...options,
        handle: (message, signal) => handleTraced(options, message, signal),
        onDeadLetter(message) {
          deadLetters.add(1, { topic: options.topic })
          options.onDeadLetter?.(message)
        },
      })
      watchLag(options.topic, options.group)
      return subscription
    },
    lag: (topic, group) => bus.lag(topic, group),
    async close() {
      for (const release of gauges.values()) release()
      await bus.close()
    },
  }
}

/** Shows the lag of one group; each has gauges of its own, so that one that cannot be read is missing alone. */
function watchGroup(
  bus: Bus,
  telemetry: Telemetry,
  labels: { readonly topic: string; readonly group: string },
  queue: string,
): () => void {
  let asked: ReturnType<Bus['lag']> | undefined
  /** The answer to the question that is under way: both gauges are read at once, and a silent broker is not asked again at every reading. */
  const ask = () => {
    asked ??= bus.lag(labels.topic, labels.group).finally(() => {
      asked = undefined
    })
    return asked
  }
  const releases = [
    telemetry.gauge(metrics.busLagMessages, async () => [{ value: (await ask()).messages, labels }]),
    telemetry.gauge(metrics.queueFill, async () => [{ value: (await ask()).fill, labels: { queue } }]),
  ]
  return () => {
    for (const release of releases) release()
  }
}

function activeSpan(context: SpanContext, { headers }: IncomingMessage) {
  const lot = headers[headerNames.lot]
  return lot === undefined ? { context } : { context, lot }
}

function failure(error: string | undefined) {
  return error === undefined ? {} : { [attributes.errorType]: error }
}

function describe(system: string, topic: string, message: OutgoingMessage, operation: 'publish' | 'process') {
  return {
    [attributes.messagingSystem]: system,
    [attributes.messagingOperation]: operation,
    [attributes.messagingOperationType]: operation === 'publish' ? 'send' : 'process',
    [attributes.messagingDestination]: topic,
    [attributes.messagingKey]: message.key,
    [attributes.messagingBytes]: message.value.byteLength,
  }
}
