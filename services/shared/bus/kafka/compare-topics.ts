import type { TopicSettings } from '../topic-settings.ts'
import { topicConfiguration } from '../topic-settings.ts'
import type { BrokerTopic } from './broker-admin.ts'

/** One thing that is not as the settings want it. */
export interface TopicDifference {
  /** `partitions`, `replication`, or a key of Kafka's topic configuration. */
  readonly key: string
  readonly found: string
  readonly wanted: string
  /** Whether `topics apply` mends it. */
  readonly mendable: boolean
}

export interface TopicReport {
  readonly settings: TopicSettings
  /** Copies that the topic has, or gets when it is created. */
  readonly replication: number
  readonly exists: boolean
  readonly differences: readonly TopicDifference[]
}

/**
 * What differs between the settings and the broker. `replication` is what a new topic gets. More partitions than wanted
 * are no difference: their number cannot fall, and more members can share them.
 */
export function compareTopics(
  wanted: readonly TopicSettings[],
  found: readonly BrokerTopic[],
  replication: number,
): TopicReport[] {
  return wanted.map((settings) => {
    const topic = found.find(({ name }) => name === settings.name)
    if (topic === undefined) return { settings, replication, exists: false, differences: [] }
    const differences: TopicDifference[] = []
    if (topic.partitions < settings.partitions) {
      const difference = { found: String(topic.partitions), wanted: String(settings.partitions) }
      differences.push({ key: 'partitions', ...difference, mendable: true })
    }
    if (topic.replication < replication) {
      const difference = { found: String(topic.replication), wanted: String(replication) }
      differences.push({ key: 'replication', ...difference, mendable: false })
    }
    for (const [key, value] of Object.entries(topicConfiguration(settings, topic.replication))) {
      const actual = topic.configuration[key]
      if (actual !== value) differences.push({ key, found: actual ?? 'nothing', wanted: value, mendable: true })
    }
    return { settings, replication: topic.replication, exists: true, differences }
  })
}
