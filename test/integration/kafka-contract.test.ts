import { after, before, describe } from 'node:test'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { describeBus } from '../../services/shared/bus/bus-contract.ts'
import { createBusUnderTest } from '../support/kafka-under-test.ts'

describe('Kafka', { timeout: 590_000 }, () => {
  let broker: KafkaBroker
  before(async () => {
    broker = await startKafkaBroker({ quickStart: true })
  })
  after(() => broker.stop())

  describeBus('the adapter of @platformatic/kafka', () => createBusUnderTest('platformatic', [broker.address]))
  describeBus('the adapter of kafkajs', () => createBusUnderTest('kafkajs', [broker.address]))
})
