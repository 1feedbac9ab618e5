import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TopicReport } from '../../shared/bus/kafka/compare-topics.ts'
import { topicSettings } from '../../shared/bus/topic-settings.ts'
import { describeTopicFaults, type TopicFaults } from './describe-faults.ts'

const [settings] = topicSettings as unknown as readonly [TopicReport['settings']]
const capped: TopicReport = {
  settings,
  replication: 1,
  exists: true,
  differences: [{ key: 'retention.bytes', found: '1', wanted: '2', mendable: true }],
}
const fewCopies: TopicReport = {
  ...capped,
  differences: [{ key: 'replication', found: '1', wanted: '3', mendable: false }],
}
const asked: TopicFaults = {
  wrong: [],
  plant: 'plant-1',
  owner: 'plant-1',
  brokers: ['kafka-1:9092'],
  busConfig: undefined,
  replication: undefined,
  maxPartitionMib: undefined,
}

describe('describeTopicFaults', () => {
  it('says nothing where all is as wanted', () => {
    assert.equal(describeTopicFaults(asked), undefined)
    assert.equal(describeTopicFaults({ ...asked, plant: undefined }), undefined)
  })

  it('names a command that asks for what the check asked for, at the same broker', () => {
    const text = describeTopicFaults({
      ...asked,
      wrong: [capped],
      busConfig: '/etc/my bus.yaml',
      replication: 2,
      maxPartitionMib: 64,
    })
    assert.equal(
      text,
      `Not as wanted: ${settings.name}. To mend it: npx pelletline topics apply --plant plant-1 --replication 2 --max-partition-mib 64 --bus-config '/etc/my bus.yaml'`,
    )
  })

  it('names the other plant beside the topics, and the command that replaces it', () => {
    assert.equal(
      describeTopicFaults({ ...asked, plant: 'mine', wrong: [capped] }),
      `Not as wanted: ${settings.name}. The topics belong to plant plant-1, not to mine. ` +
        'Give mine a broker of its own; if plant-1 has only been renamed: npx pelletline topics apply --plant mine --replace-plant plant-1 --brokers kafka-1:9092',
    )
    assert.equal(
      describeTopicFaults({ ...asked, owner: undefined }),
      'The topics belong to no plant, not to plant-1. To mend it: npx pelletline topics apply --plant plant-1 --brokers kafka-1:9092',
    )
  })

  it('names no command for what it does not mend: the number of copies', () => {
    const text = describeTopicFaults({ ...asked, wrong: [fewCopies], replication: 3 })
    assert.match(text!, /kafka-reassign-partitions\.sh: pelletline/)
    assert.doesNotMatch(text!, /topics apply/)
  })
})
