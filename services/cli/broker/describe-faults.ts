import { shellWord } from '../../shared/bus/kafka/broker-commands.ts'
import type { TopicReport } from '../../shared/bus/kafka/compare-topics.ts'

/** What `topics check` found, and how it was asked. */
export interface TopicFaults {
  /** Topics that are missing or differ. */
  readonly wrong: readonly TopicReport[]
  /** Plant to which the topics are to belong; undefined where that was not asked. */
  readonly plant: string | undefined
  /** Plant to which they belong; undefined: to none. */
  readonly owner: string | undefined
  readonly brokers: readonly string[]
  readonly busConfig: string | undefined
  readonly replication: number | undefined
  readonly maxPartitionMib: number | undefined
}

/**
 * A sentence for each thing that is not as wanted, and the command that mends it, which asks for the same as the check did;
 * undefined where all is as wanted.
 */
export function describeTopicFaults(faults: TopicFaults): string | undefined {
  const { wrong, plant, owner } = faults
  const foreign = plant !== undefined && owner !== plant
  if (wrong.length === 0 && !foreign) return undefined
  const isMended = ({ exists, differences }: TopicReport) => !exists || differences.some(({ mendable }) => mendable)
  const copies = wrong.filter(({ differences }) => differences.some(({ mendable }) => !mendable))
  const sentences = []
  if (wrong.length > 0) sentences.push(`Not as wanted: ${namesOf(wrong)}.`)
  if (foreign) {
    const whose = owner === undefined ? 'no plant' : `plant ${owner}`
    sentences.push(`The topics belong to ${whose}, not to ${plant}.`)
  }
  if (copies.length > 0) {
    sentences.push(
      `How many copies a topic has is changed by Kafka's own kafka-reassign-partitions.sh: ${namesOf(copies)}.`,
    )
  }
  if (foreign && owner !== undefined) {
    sentences.push(`Give ${plant} a broker of its own; if ${owner} has only been renamed: ${applyCommand(faults)}`)
  } else if (foreign || wrong.some(isMended)) {
    sentences.push(`To mend it: ${applyCommand(faults)}`)
  }
  return sentences.join(' ')
}

function namesOf(reports: readonly TopicReport[]): string {
  return reports.map(({ settings }) => settings.name).join(', ')
}

function applyCommand({ plant, owner, brokers, busConfig, replication, maxPartitionMib }: TopicFaults): string {
  const replaced = plant === undefined || owner === plant ? undefined : owner
  const options: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ['--plant', plant ?? owner ?? 'NAME'],
    ['--replace-plant', replaced],
    ['--replication', replication],
    ['--max-partition-mib', maxPartitionMib],
    ['--brokers', busConfig === undefined ? brokers.join(',') : undefined],
    ['--bus-config', busConfig],
  ]
  const words = options.flatMap(([name, value]) => (value === undefined ? [] : [name, shellWord(String(value))]))
  return `npx pelletline topics apply ${words.join(' ')}`
}
