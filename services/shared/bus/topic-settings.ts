import { deadLetterTopic, topics } from './topics.ts'

/** How a topic is kept at the broker; `npx pelletline topics apply` makes it so. */
export interface TopicSettings {
  readonly name: string
  readonly purpose: string
  /** Most members of a group that can share the topic's load. */
  readonly partitions: number
  /** How long messages are kept, ms; absent: for ever. */
  readonly retentionMs?: number
  /** Bytes kept for each partition, whatever their age; absent: no limit. */
  readonly retentionBytes?: number
  /** Files of a partition: only whole ones are deleted. */
  readonly segmentBytes: number
  readonly segmentMs: number
  /** Largest message, bytes. */
  readonly maxMessageBytes: number
  /** Size of a message as a busy line writes it, for lags in bytes before one has been seen. */
  readonly typicalMessageBytes: number
  /** Groups that hold publishers back: who publishes waits where one of them lags by `maxBytesPerTopic`. */
  readonly groups: readonly string[]
  /** Who reads it beside these, holding nobody back. */
  readonly readers?: readonly string[]
}

const hourMs = 3_600_000
const dayMs = 86_400_000
const mib = 1_048_576
const gib = 1_073_741_824

/**
 * Where the owner of the topics is written: a record with the name of the plant, kept for ever, and one for each new name. Two plants that share a
 * broker by mistake would count each other's pellets; every service compares its own plant with this at its start.
 */
export const plantTopic = 'pelletline.plant.v1'

/**
 * All topics. Crops are what costs: one camera writes 62 to 227 MB/s (25,000 to 91,000 pellets/s, 2,500 bytes each), so
 * they are kept by size, and for a day: a line is held back long before size counts, and whoever reads them may be away overnight
 * without a pellet being lost. Verdicts, a thousandth of that, are kept for days.
 */
export const topicSettings: readonly TopicSettings[] = [
  {
    name: topics.crops.name,
    purpose: 'pellets cut out of strips, up to 384 in a message',
    partitions: 12,
    retentionMs: dayMs,
    retentionBytes: 4 * gib,
    segmentBytes: 256 * mib,
    segmentMs: hourMs,
    maxMessageBytes: 2 * mib,
    typicalMessageBytes: 950_000,
    groups: ['student-inference'],
  },
  {
    name: topics.verdicts.name,
    purpose: 'verdicts of the student, with pixels of NG and gallery pellets',
    partitions: 12,
    retentionMs: 7 * dayMs,
    retentionBytes: 8 * gib,
    segmentBytes: 256 * mib,
    segmentMs: dayMs,
    maxMessageBytes: 2 * mib,
    typicalMessageBytes: 20_000,
    groups: ['analytics'],
  },
  {
    name: topics.auditRequests.name,
    purpose: 'sampled pellets with pixels, for the teachers',
    partitions: 6,
    retentionMs: 2 * dayMs,
    retentionBytes: 2 * gib,
    segmentBytes: 128 * mib,
    segmentMs: dayMs,
    maxMessageBytes: 2 * mib,
    typicalMessageBytes: 10_000,
    // The audit may lag, scaled to zero as well; the line waits for no teacher, and retention bounds what waits.
    groups: [],
    readers: ['teacher-audit'],
  },
  {
    name: topics.audits.name,
    purpose: 'judgements of the teachers',
    partitions: 6,
    retentionMs: 7 * dayMs,
    retentionBytes: gib,
    segmentBytes: 128 * mib,
    segmentMs: dayMs,
    maxMessageBytes: 2 * mib,
    typicalMessageBytes: 4000,
    groups: ['analytics'],
  },
  {
    name: topics.alerts.name,
    purpose: 'alerts raised, changed and closed',
    partitions: 1,
    retentionMs: 30 * dayMs,
    retentionBytes: gib,
    segmentBytes: 64 * mib,
    segmentMs: dayMs,
    maxMessageBytes: mib,
    typicalMessageBytes: 2000,
    groups: [],
  },
  {
    name: deadLetterTopic,
    purpose: 'messages that no handler could take, with the reason',
    partitions: 1,
    retentionMs: 30 * dayMs,
    retentionBytes: 4 * gib,
    segmentBytes: 128 * mib,
    segmentMs: dayMs,
    maxMessageBytes: 8 * mib,
    typicalMessageBytes: 100_000,
    groups: [],
  },
  {
    name: plantTopic,
    purpose: 'the plant that owns these topics',
    partitions: 1,
    segmentBytes: mib,
    segmentMs: 7 * dayMs,
    maxMessageBytes: 65_536,
    typicalMessageBytes: 200,
    groups: [],
    readers: ['every service'],
  },
]

/** The settings of a topic; undefined for one that is not Pelletline's. */
export function findTopicSettings(name: string): TopicSettings | undefined {
  return topicSettings.find((settings) => settings.name === name)
}

/** Kafka's configuration of a topic, by Kafka's names; `replication` copies of which all but one must be in sync. */
export function topicConfiguration(settings: TopicSettings, replication: number): Record<string, string> {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String(settings.retentionMs ?? -1),
    'retention.bytes': String(settings.retentionBytes ?? -1),
    'segment.bytes': String(settings.segmentBytes),
    'segment.ms': String(settings.segmentMs),
    'max.message.bytes': String(settings.maxMessageBytes),
    'min.insync.replicas': String(Math.max(1, replication - 1)),
    // Age counts by the broker's clock: a host whose clock is wrong would have its messages deleted at once, or refused.
    'message.timestamp.type': 'LogAppendTime',
    // A broker that was behind never leads: what was acknowledged would be gone.
    'unclean.leader.election.enable': 'false',
    // What a producer has compressed stays so; nothing is compressed twice.
    'compression.type': 'producer',
  }
}

/**
 * Most bytes that a topic can take on the disks of all brokers together: what retention keeps, and for each partition the
 * file that is being written and the one that waits for its deletion.
 */
export function diskNeed(settings: TopicSettings, replication: number): number {
  const kept = settings.retentionBytes ?? settings.segmentBytes
  return settings.partitions * (kept + 2 * settings.segmentBytes) * replication
}

/**
 * Name of a group at the broker: one for each topic that the group reads, `analytics.pelletline.verdicts.v1`. So members
 * that read different topics never hold up each other's rebalances, and rights are given by prefix.
 */
export function groupIdOf(group: string, topic: string): string {
  return `${group}.${topic}`
}

/**
 * The same topics for a small disk: no partition keeps more than so many bytes, in files small enough that retention can
 * hold that. For a plant on one machine; messages of a long outage run out sooner.
 */
export function limitRetention(settings: readonly TopicSettings[], maxPartitionBytes: number): TopicSettings[] {
  return settings.map((topic) => {
    if (topic.retentionBytes === undefined || topic.retentionBytes <= maxPartitionBytes) return topic
    const segmentBytes = Math.max(mib, Math.min(topic.segmentBytes, Math.floor(maxPartitionBytes / 4)))
    return { ...topic, retentionBytes: maxPartitionBytes, segmentBytes }
  })
}
