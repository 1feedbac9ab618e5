import { ProduceAcks, Producer } from '@platformatic/kafka'
import type { ConnectionSettings } from '../../kafka/connection-settings.ts'
import { clientOptions } from '../client-options.ts'

/** A record as any program may write it; `null` is Kafka's own null, which no message of the bus holds. */
export interface RawRecord {
  readonly key: string | null
  readonly value: string | null
  readonly headers: Readonly<Record<string, string | null>>
}

const bytes = (text: string | null | undefined) => (text === null || text === undefined ? undefined : Buffer.from(text))

/** Writes records to one partition past the bus, in one batch. */
export async function sendRaw(
  settings: ConnectionSettings,
  topic: string,
  partition: number,
  records: readonly RawRecord[],
): Promise<void> {
  const producer = new Producer<string | null, string | null, string, string | null>({
    ...clientOptions(settings),
    serializers: { key: bytes, value: bytes, headerKey: bytes, headerValue: bytes },
  })
  try {
    const messages = records.map((record) => ({ topic, partition, ...record }))
    await producer.send({ acks: ProduceAcks.ALL, messages })
  } finally {
    await producer.close(true)
  }
}
