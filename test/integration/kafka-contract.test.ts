import { after, before, describe, it } from 'node:test'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { describeBus } from '../../services/shared/bus/bus-contract.ts'
import { checkBeginnings, checkGenerations } from '../support/kafka-generations.ts'
import { checkCompressed, checkNulls, checkRefusedCodec } from '../support/kafka-records.ts'
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

  for (const client of ['platformatic', 'kafkajs'] as const) {
    it(`a record of nulls becomes a dead letter and stops nothing (${client})`, () =>
      checkNulls(client, [broker.address]))
  }

  for (const [client, codecs] of [
    ['platformatic', ['gzip', 'zstd', 'snappy', 'lz4']],
    ['kafkajs', ['gzip', 'zstd']],
  ] as const) {
    for (const codec of codecs) {
      it(`a topic that the broker compresses by ${codec} is read (${client})`, () =>
        checkCompressed(client, [broker.address], codec))
    }
  }

  for (const codec of ['snappy', 'lz4']) {
    it(`kafkajs says which client reads a topic that the broker compresses by ${codec}`, () =>
      checkRefusedCodec('kafkajs', [broker.address], codec))
  }

  // The last one: it ends the broker.
  it('where a group begins is committed by the member that found it, and not by one that has ended', () =>
    checkBeginnings(['platformatic', 'kafkajs'], [broker.address], broker.stop))
})
