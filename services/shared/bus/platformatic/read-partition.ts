import { Consumer, FetchIsolationLevels } from '@platformatic/kafka'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { ReadPartitionOptions, StoredRecord } from '../kafka/broker-admin.ts'
import { brokerError } from '../kafka/broker-error.ts'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'
import { clientOptions } from './client-options.ts'
import { protocolErrorsOf } from './protocol-errors.ts'

const fetchBytes = 16_777_216

type Header = readonly [Buffer | null, Buffer | null]

function headersOf(headers: readonly Header[]): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => [name?.toString('utf8') ?? '', value?.toString('utf8') ?? '']),
  )
}

/** Bit of a batch's attributes: its times are the broker's. */
const logAppendTime = 8

/** Reads the offsets from `from` to before `to` of one partition, in order, without joining a group. Rejects by `brokerError`. */
export async function* readPartition(
  settings: ConnectionSettings,
  { topic, partition, from, to }: ReadPartitionOptions,
): AsyncGenerator<StoredRecord> {
  // The client wants the name of a group; it never joins it.
  const consumer = new Consumer({ ...clientOptions(settings), groupId: `${topic}.reader` })
  try {
    let next = from
    while (next < to) {
      const answer = await fetchFrom(consumer, topic, partition, next, settings)
      for (const { records: batches } of answer.responses.flatMap((response) => response.partitions)) {
        for (const batch of batches ?? []) {
          for (const record of batch.records) {
            const offset = batch.firstOffset + BigInt(record.offsetDelta)
            if (offset < next) continue
            if (offset >= to) return
            yield {
              key: record.key?.toString('utf8') ?? '',
              value: record.value ?? new Uint8Array(0),
              headers: headersOf(record.headers),
              partition,
              offset,
              // Where the topic keeps the broker's time, one time holds for the whole batch (message format 2, attribute bit 3).
              timestampMs: Number(
                batch.attributes & logAppendTime ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta,
              ),
            }
          }
          const after = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
          if (after > next) next = after
        }
      }
    }
  } finally {
    await consumer.close(true).catch(() => {})
  }
}

/** Asks the partition's leader for what it has from an offset on. */
async function fetchFrom(
  consumer: Consumer,
  topic: string,
  partition: number,
  offset: bigint,
  settings: ConnectionSettings,
) {
  const what = `Reading partition ${partition} of ${topic}`
  try {
    const metadata = await consumer.metadata({ topics: [topic] })
    const known = metadata.topics.get(topic)
    const leader = known?.partitions[partition]?.leader
    // A broker that starts may not know the partition yet, and a partition is without a leader while its brokers change.
    if (known === undefined || leader === undefined || leader < 0) {
      const text = `${what} failed at ${settings.brokers.join(', ')}: the partition has no leader now; try again.`
      throw new PelletlineError('unavailable', text)
    }
    return await consumer.fetch({
      node: leader,
      topics: [
        {
          topicId: known.id,
          partitions: [
            {
              partition,
              fetchOffset: offset,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
              partitionMaxBytes: fetchBytes,
            },
          ],
        },
      ],
      minBytes: 1,
      maxBytes: fetchBytes,
      maxWaitTime: 500,
      isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED,
    })
  } catch (cause) {
    throw brokerError({ what, topic, address: settings, protocolErrors: protocolErrorsOf(cause), cause })
  }
}
