import assert from 'node:assert/strict'
import { it } from 'node:test'
import { compareTopics } from './kafka/compare-topics.ts'
import { diskNeed, findTopicSettings, limitRetention, topicConfiguration, topicSettings } from './topic-settings.ts'
import { deadLetterTopic, topics } from './topics.ts'

it('every topic that services use has settings, and its groups are named once', () => {
  for (const name of [...Object.values(topics).map((topic) => topic.name), deadLetterTopic]) {
    assert.ok(findTopicSettings(name), name)
  }
  assert.equal(new Set(topicSettings.map(({ name }) => name)).size, topicSettings.length)
})

it('dead letters take larger messages than any other topic, with room for their headers', () => {
  const letters = findTopicSettings(deadLetterTopic)?.maxMessageBytes ?? 0
  for (const { name, maxMessageBytes } of topicSettings) {
    if (name !== deadLetterTopic) assert.ok(letters >= maxMessageBytes + 65_536, name)
  }
})

it('retention by size is at least two files, or it could not hold what it promises', () => {
  for (const { name, retentionBytes, segmentBytes } of [
    ...topicSettings,
    ...limitRetention(topicSettings, 8_388_608),
  ]) {
    if (retentionBytes !== undefined) assert.ok(retentionBytes >= 2 * segmentBytes, name)
  }
})

it('a topic as wanted differs in nothing, a changed one in what was changed', () => {
  const [wanted] = topicSettings
  assert.ok(wanted)
  const configuration = topicConfiguration(wanted, 3)
  const found = { name: wanted.name, partitions: wanted.partitions, replication: 3, configuration }
  assert.deepEqual(compareTopics([wanted], [found], 3)[0]?.differences, [])
  const changed = { ...found, partitions: 1, replication: 1, configuration: { ...configuration, 'retention.ms': '5' } }
  const differences = compareTopics([wanted], [changed], 3)[0]?.differences.map(({ key }) => key)
  assert.deepEqual(differences, ['partitions', 'replication', 'retention.ms', 'min.insync.replicas'])
})

it('disk need counts every copy of every partition', () => {
  const [wanted] = topicSettings
  assert.ok(wanted?.retentionBytes)
  const kept = wanted.retentionBytes + 2 * wanted.segmentBytes
  assert.equal(diskNeed(wanted, 3), 3 * wanted.partitions * kept)
})
