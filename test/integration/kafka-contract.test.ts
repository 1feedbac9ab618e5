import { after, before, describe, it } from 'node:test'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { describeBus } from '../../services/shared/bus/bus-contract.ts'
import { checkBeginnings, checkGenerations } from '../support/kafka-generations.ts'
import { createBusUnderTest } from '../support/kafka-under-test.ts'

describe('Kafka', { timeout: 590_000 }, () => {
  let broker: KafkaBroker
  before(async () => {
    broker = await startKafkaBroker({ quickStart: true })
  })
  after(() => broker.stop())

  describeBus('the adapter of @platformatic/kafka', () => createBusUnderTest('platformatic', [broker.address]))
  describeBus('the adapter of kafkajs', () => createBusUnderTest('kafkajs', [broker.address]))

  for (const client of ['platformatic', 'kafkajs'] as const) {
    it(`records and commits belong to one generation of a group (${client})`, () =>
      checkGenerations(client, [broker.address]))
  }

  // The last one: it ends the broker.
  it('where a group begins is committed by the member that found it, and not by one that has ended', () =>
    checkBeginnings(['platformatic', 'kafkajs'], [broker.address], broker.stop))
})
