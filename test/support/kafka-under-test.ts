import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import type { BusUnderTest } from '../../services/shared/bus/bus-contract.ts'
import { createTopic } from '../../services/shared/bus/kafka/apply-topics.ts'
import { createKafkaBus } from '../../services/shared/bus/kafka/create-kafka-bus.ts'
import { openBrokerAdmin, openBrokerClient } from '../../services/shared/bus/open-bus.ts'
import { findTopicSettings, type TopicSettings } from '../../services/shared/bus/topic-settings.ts'
import { deadLetterTopic } from '../../services/shared/bus/topics.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'

let topicNumber = 0
const maxBytesPerTopic = 100_000

/** A bus over a running broker as the contract's tests want it; topics have two partitions. */
export async function createBusUnderTest(
  client: 'kafkajs' | 'platformatic',
  brokers: readonly string[],
): Promise<BusUnderTest> {
  const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers, client })
  const admin = await openBrokerAdmin(config, 'test')
  const dead = findTopicSettings(deadLetterTopic) as TopicSettings
  const create = (name: string) => createTopic(admin, { ...dead, name, partitions: 2 }, 1)
  if ((await admin.describeTopics([deadLetterTopic])).length === 0) await create(deadLetterTopic)
  const bus = createKafkaBus({
    client: await openBrokerClient(config, 'test'),
    plant: 'test-plant',
    maxBytesPerTopic,
    publishTimeoutMs: 30_000,
    retry: { firstPauseMs: 1, maxPauseMs: 4 },
    clock: systemClock,
    logger: silentLogger,
  })
  return {
    bus,
    maxBytesPerTopic,
    async createTopic(label) {
      topicNumber += 1
      const name = `${client}-${label}-${process.pid}-${topicNumber}`
      await create(name)
      return name
    },
    async cleanup() {
      await bus.close()
      await admin.close()
    },
  }
}
