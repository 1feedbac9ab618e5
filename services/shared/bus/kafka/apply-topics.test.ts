import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger } from '../../telemetry/logger.ts'
import { plantTopic, topicConfiguration, topicSettings } from '../topic-settings.ts'
import { applyTopicsWith } from './apply-topics.ts'
import type { BrokerAdmin } from './broker-admin.ts'

/** A broker that has all topics as they are wanted, marked as plant-1's; notes what is changed. */
function createMarkedBroker() {
  const changes: string[] = []
  const mark = Buffer.from(JSON.stringify({ plant: 'plant-1', since: '', replaces: '' }))
  const records = [{ key: 'plant', value: mark, headers: {}, partition: 0, offset: 0n, timestampMs: 0 }]
  const admin = {
    brokerCount: async () => 1,
    describeTopics: async () =>
      topicSettings.map((settings) => ({
        name: settings.name,
        partitions: settings.partitions,
        replication: 1,
        configuration: topicConfiguration(settings, 1),
      })),
    createTopic: async ({ name }: { name: string }) => void changes.push(`create ${name}`),
    setPartitions: async (name: string) => void changes.push(`partitions of ${name}`),
    setConfiguration: async (name: string) => void changes.push(`configuration of ${name}`),
    ranges: async () => new Map([[0, { start: 0n, end: BigInt(records.length) }]]),
    async *readPartition() {
      yield* records
    },
    async send(topic: string, messages: readonly { value: Uint8Array }[]) {
      changes.push(`mark in ${topic}`)
      for (const { value } of messages) {
        const offset = BigInt(records.length)
        records.push({ ...records[0]!, value: Buffer.from(value), offset })
      }
    },
  }
  return { admin: admin as unknown as BrokerAdmin, changes }
}

describe('applyTopicsWith', () => {
  const capped = { maxPartitionBytes: 64 * 1024 * 1024, logger: silentLogger }

  it('changes nothing of topics that belong to another plant', async () => {
    const { admin, changes } = createMarkedBroker()
    const applied = applyTopicsWith(admin, { brokers: ['broker:9092'] }, { plant: 'plant-2', ...capped })
    await assert.rejects(applied, { code: 'failed_precondition', message: /belong to plant plant-1/ })
    assert.deepEqual(changes, [])
  })

  it('changes the topics of the plant itself, and those of a plant that it replaces by name', async () => {
    for (const plant of [{ plant: 'plant-1' }, { plant: 'plant-2', replacePlant: 'plant-1' }]) {
      const { admin, changes } = createMarkedBroker()
      await applyTopicsWith(admin, { brokers: ['broker:9092'] }, { ...plant, ...capped })
      assert.ok(changes.includes('configuration of pelletline.crops.v1'), `${changes}`)
      assert.equal(changes.at(-1) === `mark in ${plantTopic}`, plant.plant === 'plant-2')
    }
  })
})
