import type { TopicReport } from '../../shared/bus/kafka/compare-topics.ts'
import { diskNeed } from '../../shared/bus/topic-settings.ts'
import type { Column } from '../render-table.ts'

const units: readonly (readonly [bytes: number, name: string])[] = [
  [1024 ** 4, 'TiB'],
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB'],
]

/** `48 GiB`, `1.5 MiB`: at most one digit after the point. */
export function formatBytes(bytes: number): string {
  const [size, name] = units.find(([unit]) => bytes >= unit) ?? [1, 'B']
  return `${Math.round((bytes / size) * 10) / 10} ${name}`
}

/** `10 min`, `7 d`. */
export function formatSpan(ms: number): string {
  if (ms % 86_400_000 === 0) return `${ms / 86_400_000} d`
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return `${Math.round(ms / 60_000)} min`
}

export const topicColumns: readonly Column[] = [
  { title: 'topic' },
  { title: 'partitions', align: 'right' },
  { title: 'copies', align: 'right' },
  { title: 'kept' },
  { title: 'per partition', align: 'right' },
  { title: 'disk at most', align: 'right' },
  { title: 'largest message', align: 'right' },
  { title: 'read by', cut: 'tail' },
  { title: 'state', cut: 'tail' },
]

/** State of a topic in one word, or what differs. */
export function topicState({ exists, differences }: TopicReport): string {
  if (!exists) return 'missing'
  if (differences.length === 0) return 'as wanted'
  return differences.map(({ key, found, wanted }) => `${key} ${found}, wanted ${wanted}`).join('; ')
}

export function topicRow(report: TopicReport): string[] {
  const { settings, replication } = report
  const { name, partitions, retentionMs, retentionBytes, maxMessageBytes, groups, readers = [] } = settings
  return [
    name,
    String(partitions),
    String(replication),
    retentionMs === undefined ? 'for ever' : formatSpan(retentionMs),
    retentionBytes === undefined ? '' : formatBytes(retentionBytes),
    formatBytes(diskNeed(settings, replication)),
    formatBytes(maxMessageBytes),
    [...groups, ...readers].join(', '),
    topicState(report),
  ]
}

export function topicJson(report: TopicReport): Record<string, unknown> {
  const { settings, replication, exists, differences } = report
  return {
    topic: settings.name,
    purpose: settings.purpose,
    partitions: settings.partitions,
    replication,
    retentionMs: settings.retentionMs ?? null,
    retentionBytes: settings.retentionBytes ?? null,
    maxMessageBytes: settings.maxMessageBytes,
    diskBytes: diskNeed(settings, replication),
    groups: settings.groups,
    readers: settings.readers ?? [],
    exists,
    differences,
  }
}
