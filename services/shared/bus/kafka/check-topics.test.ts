import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger } from '../../telemetry/logger.ts'
import { plantTopic, topicConfiguration, topicSettings } from '../topic-settings.ts'
import type { BrokerAdmin, BrokerTopic, StoredRecord } from './broker-admin.ts'
import { checkTopicsWith } from './check-topics.ts'

/** A broker with these topics that refuses to be changed. */
function createAdmin(topics: readonly BrokerTopic[], owner: string | undefined): BrokerAdmin {
  const refuse = async () => assert.fail('A given broker was changed.')
  const mark: StoredRecord[] =
    owner === undefined
      ? []
      : [
          {
            key: 'plant',
            value: Buffer.from(JSON.stringify({ plant: owner })),
            headers: {},
            partition: 0,
            offset: 0n,
            timestampMs: 0,
          },
        ]
  return {
    brokerCount: async () => 1,
    describeTopics: async (names) => topics.filter(({ name }) => names.includes(name)),
    hasTopic: async (asked) => topics.some(({ name }) => name === asked),
    createTopic: refuse,
    setPartitions: refuse,
    setConfiguration: refuse,
    send: refuse,
    ranges: async () => new Map([[0, { start: 0n, end: BigInt(mark.length) }]]),
    async *readPartition({ topic }) {
      assert.equal(topic, plantTopic)
      yield* mark
    },
    close: async () => {},
  }
}

const all: readonly BrokerTopic[] = topicSettings.map((settings) => ({
  name: settings.name,
  partitions: settings.partitions,
  replication: 1,
  configuration: topicConfiguration(settings, 1),
}))

const options = { plant: 'plant-1', address: { brokers: ['kafka-1:9092'] }, logger: silentLogger }

describe('checkTopicsWith', () => {
  it('passes a broker whose topics are the plant’s, whatever was set otherwise there, and changes nothing', async () => {
    await checkTopicsWith(createAdmin(all, 'plant-1'), options)
    const changed = all.map((topic) => ({ ...topic, configuration: { ...topic.configuration, 'retention.ms': '1' } }))
    await checkTopicsWith(createAdmin(changed, 'plant-1'), options)
  })

  it('refuses missing topics by their names, with the command that makes them', async () => {
    const admin = createAdmin(all.slice(1), 'plant-1')
    await assert.rejects(checkTopicsWith(admin, options), (error: Error & { code: string }) => {
      assert.equal(error.code, 'failed_precondition')
      assert.ok(error.message.includes(`have no ${all[0]?.name};`))
      assert.match(error.message, / by: npx pelletline topics apply --plant plant-1 --brokers kafka-1:9092$/)
      return true
    })
    const address = { ...options.address, sasl: { username: 'plant' } }
    await assert.rejects(checkTopicsWith(admin, { ...options, address }), {
      message:
        / by: npx pelletline topics apply --plant plant-1 --bus-config FILE \(FILE holds what stands under `bus:` in /,
    })
  })

  it('refuses topics of another plant and of none', async () => {
    const other = checkTopicsWith(createAdmin(all, 'plant-2'), options)
    await assert.rejects(other, { code: 'failed_precondition', message: /belong to plant plant-2/ })
    const nobody = checkTopicsWith(createAdmin(all, undefined), options)
    await assert.rejects(nobody, { code: 'failed_precondition', message: /belong to no plant yet.*topics apply/ })
  })
})
