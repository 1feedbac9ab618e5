import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { headerNames, stripMessageKey, topics } from '../shared/bus/topics.ts'

/**
 * Publishes the encoded parts of one strip on topic `crops`; resolves once all are durable, waits while the topic is full.
 * Rejects with `cancelled` on abort; then any of the parts may have been published.
 */
export async function publishParts(
  bus: Bus,
  header: StripHeader,
  parts: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  const stripKey = header.key
  if (stripKey === undefined || parts.length === 0) return
  const headers = {
    [headerNames.messageType]: topics.crops.schema.typeName,
    [headerNames.plant]: stripKey.plant,
    [headerNames.line]: stripKey.line,
    [headerNames.lot]: header.lot,
  }
  const key = stripMessageKey(stripKey)
  const messages = parts.map((value) => ({ key, value, headers }))
  await bus.publish(topics.crops.name, messages, signal)
}
